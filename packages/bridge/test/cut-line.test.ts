// Two bridges over a real socket that is cut at random bytes and flips bits: each message comes once, whole, in order.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { type Bridge, type BridgeDiagnostic, openBridge, unixConnector, unixListener } from "../src/index.ts";
import { type CuttingProxy, startCuttingProxy } from "./cutting-proxy.ts";
import { randomFrom } from "./generator.ts";
import { sessionBetween } from "./sessions.ts";

const MESSAGES = 2_000;
const LARGEST_BYTES = 200_000;
const SENT_AT_ONCE = 200;
const CUTS_AT_LEAST = 50;

test("untampered control: over a whole line nothing is repeated and nothing dropped", {
  timeout: 120_000,
}, async () => {
  const { proxy, left, right } = await crossBothWays({ cutEveryBytes: Number.MAX_SAFE_INTEGER / 4, flipChance: 0 });
  expect(proxy.faults).toMatchObject({ cuts: 0, flippedBits: 0 });
  for (const stats of [left, right])
    expect(stats).toMatchObject({
      connections: 1,
      framesDropped: 0,
      messagesSent: MESSAGES,
      messagesReceived: MESSAGES,
    });
});

test(`${MESSAGES} messages each way while the line is cut and damaged`, { timeout: 120_000 }, async () => {
  const { proxy, left, right } = await crossBothWays({ cutEveryBytes: 500_000, flipChance: 0.03 });
  const { duplicates, retransmissions, framesDropped, connections } = left;
  process.stdout.write(
    `line: ${JSON.stringify({ ...proxy.faults, connections, framesDropped, retransmissions, duplicates })}\n`,
  );
  expect(proxy.faults.cuts).toBeGreaterThanOrEqual(CUTS_AT_LEAST);
  expect(proxy.faults.flippedBits).toBeGreaterThan(10);
  expect(left.framesDropped + right.framesDropped).toBeGreaterThan(10);
  for (const stats of [left, right])
    expect(stats).toMatchObject({
      messagesSent: MESSAGES,
      messagesReceived: MESSAGES,
      peerRestarts: 0,
      peerViolations: 0,
    });
});

async function crossBothWays(line: { readonly cutEveryBytes: number; readonly flipChance: number }): Promise<{
  readonly proxy: CuttingProxy;
  readonly left: ReturnType<Bridge["stats"]>;
  readonly right: ReturnType<Bridge["stats"]>;
}> {
  const folder = mkdtempSync(join(tmpdir(), "bridge-"));
  const [listenPath, connectPath] = [join(folder, "proxy.sock"), join(folder, "bridge.sock")];
  const proxy = await startCuttingProxy({ listenPath, connectPath, seed: 20_251_121, ...line });
  const surprises: BridgeDiagnostic[] = [];
  const onDiagnostic = (event: BridgeDiagnostic): void => {
    if (event.code !== "CARRIER_FAILED" && event.code !== "CONNECTION_TURNED_AWAY") surprises.push(event);
  };
  const received = { left: 0, right: 0 };
  const accept = (side: "left" | "right", seed: number) => async (bytes: Uint8Array) => {
    const expected = contentOf(seed, received[side]);
    if (!expected.equals(bytes)) throw new Error(`message ${received[side]} at ${side} is not the one that was sent`);
    received[side]++;
  };
  const left = openBridge({
    carrier: unixListener(connectPath),
    localName: "left",
    peerName: "right",
    session: sessionBetween("left", "right"),
    onMessage: accept("left", 2),
    onDiagnostic,
  });
  const right = openBridge({
    carrier: unixConnector(listenPath),
    localName: "right",
    peerName: "left",
    session: sessionBetween("right", "left"),
    onMessage: accept("right", 1),
    onDiagnostic,
  });
  try {
    await Promise.all([sendAll(left, 1, () => received.right), sendAll(right, 2, () => received.left)]);
    expect(received).toEqual({ left: MESSAGES, right: MESSAGES });
    expect(surprises).toEqual([]);
    return { proxy, left: left.stats(), right: right.stats() };
  } finally {
    await Promise.all([left.close(), right.close(), proxy.close()]);
    rmSync(folder, { recursive: true });
  }
}

/** Sends every message, and checks that each is settled in its turn and not before the other application had it. */
async function sendAll(bridge: Bridge, seed: number, receivedThere: () => number): Promise<void> {
  let settled = 0;
  const sendEvery = async (first: number): Promise<void> => {
    for (let index = first; index < MESSAGES; index += SENT_AT_ONCE) {
      await bridge.send(contentOf(seed, index));
      expect(settled++).toBe(index);
      expect(receivedThere()).toBeGreaterThan(index);
    }
  };
  await Promise.all(Array.from({ length: SENT_AT_ONCE }, (_, first) => sendEvery(first)));
}

/** From 1 byte to 200 kB, each order of magnitude as often as the next, filled with a pattern of its own. */
function contentOf(seed: number, index: number): Buffer {
  const random = randomFrom(seed * 1_000_003 + index);
  const length = Math.floor(Math.exp(random.next() * Math.log(LARGEST_BYTES + 1)));
  return Buffer.alloc(length, Buffer.from(`${seed}:${index}:${random.below(2 ** 32)};`));
}
