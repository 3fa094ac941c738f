// A line in the middle of a real one: passes bytes between two Unix sockets, cuts at random bytes and flips random bits.
import { once } from "node:events";
import { createConnection, createServer, type Socket } from "node:net";
import { randomFrom } from "./generator.ts";

export interface CuttingProxyOptions {
  readonly listenPath: string;
  readonly connectPath: string;
  readonly seed: number;
  /** A connection is cut after this many bytes on average, both directions together. */
  readonly cutEveryBytes: number;
  /** How likely it is that a passing piece has one of its bits flipped. */
  readonly flipChance: number;
}

export interface CuttingProxy {
  readonly faults: { readonly cuts: number; readonly flippedBits: number; readonly passedBytes: number };
  /** Ends all connections now. */
  cutAll(): void;
  close(): Promise<void>;
}

export async function startCuttingProxy(options: CuttingProxyOptions): Promise<CuttingProxy> {
  const random = randomFrom(options.seed);
  const faults = { cuts: 0, flippedBits: 0, passedBytes: 0 };
  const open = new Set<Socket>();

  const server = createServer((near) => {
    const far = createConnection({ path: options.connectPath });
    let left = random.below(2 * options.cutEveryBytes) + 1;
    const end = (): void => {
      near.destroy();
      far.destroy();
    };
    const pass = (bytes: Buffer, to: Socket): void => {
      if (left === 0) return;
      const part = Buffer.from(bytes.subarray(0, left));
      left -= part.length;
      faults.passedBytes += part.length;
      if (random.chance(options.flipChance)) {
        faults.flippedBits++;
        const at = random.below(part.length);
        part[at] = (part[at] ?? 0) ^ (1 << random.below(8));
      }
      if (left === 0) faults.cuts++;
      to.write(part, left === 0 ? end : undefined);
    };
    for (const [from, to] of [[near, far] as const, [far, near] as const]) {
      open.add(from);
      from.on("data", (bytes: Buffer) => pass(bytes, to));
      from.on("error", () => {});
      from.on("close", () => {
        open.delete(from);
        end();
      });
    }
  });
  server.listen(options.listenPath);
  await once(server, "listening");

  const cutAll = (): void => {
    for (const socket of open) socket.destroy();
  };
  const close = async (): Promise<void> => {
    const closed = once(server, "close");
    server.close();
    cutAll();
    await closed;
  };
  return { faults, cutAll, close };
}
