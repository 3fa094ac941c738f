// A man in the middle of a real line: reads all of it and, as told, alters, replays, injects and withholds frames.
import { once } from "node:events";
import { createConnection, createServer, type Socket } from "node:net";
import { encodeFrame, FrameDecoder } from "../src/frame.ts";
import { encodeHello } from "../src/link-frame.ts";
import { HANDSHAKE_BYTES } from "../src/session.ts";
import { randomFrom } from "./generator.ts";

export interface EnemyOptions {
  readonly listenPath: string;
  readonly connectPath: string;
  readonly seed: number;
  /** How likely each is for a passing frame; all 0 makes it a line that only listens. */
  readonly altered: number;
  readonly replayed: number;
  readonly injected: number;
  readonly withheld: number;
  /** Ends the connection, so that the next handshake is under attack as well. */
  readonly cut: number;
}

export interface Enemy {
  readonly did: {
    frames: number;
    altered: number;
    replayed: number;
    injected: number;
    withheld: number;
    cut: number;
    reconnects: number;
  };
  /** Every byte that crossed, both ways, as it came. */
  readonly seen: readonly Uint8Array[];
  /** From now on it only passes on. */
  rest(): void;
  close(): Promise<void>;
}

const KEPT = 400;

/** Every frame that it makes has a checksum that fits: what stops it is the session and nothing else. */
export async function startEnemy(options: EnemyOptions): Promise<Enemy> {
  const random = randomFrom(options.seed);
  const did = { frames: 0, altered: 0, replayed: 0, injected: 0, withheld: 0, cut: 0, reconnects: 0 };
  const seen: Uint8Array[] = [];
  const recorded: Uint8Array[] = [];
  const open = new Set<Socket>();
  let resting = false;
  const does = (what: "altered" | "replayed" | "injected" | "withheld" | "cut"): boolean => {
    const yes = !resting && random.chance(options[what]);
    if (yes) did[what]++;
    return yes;
  };
  const pass = (frame: Uint8Array, to: Socket): void => {
    did.frames++;
    recorded.push(frame);
    if (recorded.length > KEPT) recorded.splice(random.below(KEPT), 1);
    if (does("replayed")) to.write(encodeFrame(recorded[random.below(recorded.length)] ?? frame));
    if (does("injected")) to.write(encodeFrame(random.chance(0.5) ? falseHello() : falseFrame(frame)));
    if (does("cut")) to.destroy();
    if (does("withheld")) return;
    to.write(encodeFrame(does("altered") ? alter(frame) : frame));
  };
  const alter = (frame: Uint8Array): Uint8Array => {
    const altered = Uint8Array.from(frame);
    const at = random.below(altered.length);
    altered[at] = (altered[at] as number) ^ (1 + random.below(255));
    return altered;
  };
  /** The header of a real frame with what it wants behind it. */
  const falseFrame = (frame: Uint8Array): Uint8Array => {
    const forged = Uint8Array.from(frame);
    for (let at = 34; at < forged.length; at++) forged[at] = random.below(256);
    return forged;
  };
  const falseHello = (): Uint8Array => {
    const message = Uint8Array.from({ length: HANDSHAKE_BYTES }, () => random.below(256));
    const names = random.chance(0.5)
      ? { localName: "left", peerName: "right" }
      : { localName: "right", peerName: "left" };
    return encodeHello({ step: "question", ...names, message });
  };
  const server = createServer((near) => {
    did.reconnects++;
    const far = createConnection({ path: options.connectPath });
    for (const [from, to] of [[near, far] as const, [far, near] as const]) {
      const decoder = new FrameDecoder();
      open.add(from);
      from.on("data", (bytes: Buffer) => {
        seen.push(Uint8Array.from(bytes));
        decoder.push(bytes, (frame) => pass(Uint8Array.from(frame), to));
      });
      from.on("error", () => {});
      from.on("close", () => {
        open.delete(from);
        near.destroy();
        far.destroy();
      });
    }
  });
  server.listen(options.listenPath);
  await once(server, "listening");
  const close = async (): Promise<void> => {
    const closed = once(server, "close");
    server.close();
    for (const socket of open) socket.destroy();
    await closed;
  };
  return { did, seen, rest: () => (resting = true), close };
}
