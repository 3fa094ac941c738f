// A bad line in the middle of a real one: passes chunks between two Unix sockets with every impairment at once.
import { once } from "node:events";
import { createConnection, createServer, type Socket } from "node:net";
import { randomFrom } from "./generator.ts";
import { type Impairment, type ImpairmentCounts, NO_IMPAIRMENT, passChunk } from "./impaired-line.ts";

export interface ImpairingProxy {
  readonly faults: Readonly<ImpairmentCounts>;
  close(): Promise<void>;
}

/** About two frames, so that even a few hundred messages are many chunks. */
const CHUNK_BYTES = 4_096;

/** One stall and one cut come for certain, however few chunks there are. */
function impairmentOf(chunk: number, impairment: Impairment): Impairment {
  if (chunk === STALLED_CHUNK) return { ...impairment, stalls: Math.ceil(impairment.stalls) };
  return chunk === CUT_CHUNK ? { ...impairment, cuts: Math.ceil(impairment.cuts) } : impairment;
}

const STALLED_CHUNK = 30;
const CUT_CHUNK = 50;

/** The seed decides what befalls each chunk; how the kernel cuts the stream into chunks is its own affair. */
export async function startImpairingProxy(options: {
  readonly listenPath: string;
  readonly connectPath: string;
  readonly seed: number;
  readonly impairment: Impairment;
}): Promise<ImpairingProxy> {
  const random = randomFrom(options.seed);
  const faults: ImpairmentCounts = { ...NO_IMPAIRMENT };
  const open = new Set<Socket>();
  let passed = 0;
  const server = createServer((near) => {
    const far = createConnection({ path: options.connectPath });
    const end = (): void => {
      near.destroy();
      far.destroy();
    };
    for (const [from, to] of [[near, far] as const, [far, near] as const]) {
      let notBeforeMs = 0;
      open.add(from);
      const pass = (chunk: Uint8Array): void => {
        passed++;
        const { pieces, stallMs, cut } = passChunk(random, impairmentOf(passed, options.impairment), faults, chunk);
        if (cut) {
          end();
          return;
        }
        const nowMs = performance.now();
        notBeforeMs = Math.max(notBeforeMs, nowMs) + stallMs;
        for (const { bytes, lateMs } of pieces) {
          const waitMs = notBeforeMs + lateMs - nowMs;
          const write = (): void => void (to.destroyed || to.write(bytes));
          if (waitMs < 1) write();
          else setTimeout(write, waitMs).unref();
        }
      };
      from.on("data", (bytes: Buffer) => {
        for (let at = 0; at < bytes.length && !from.destroyed; at += CHUNK_BYTES)
          pass(bytes.subarray(at, at + CHUNK_BYTES));
      });
      from.on("error", () => {});
      from.on("close", () => {
        open.delete(from);
        end();
      });
    }
  });
  server.listen(options.listenPath);
  await once(server, "listening");
  return {
    faults,
    close: async () => {
      const closed = once(server, "close");
      server.close();
      for (const socket of open) socket.destroy();
      await closed;
    },
  };
}
