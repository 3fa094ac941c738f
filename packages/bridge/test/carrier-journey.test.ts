// The whole bridge over every carrier: messages both ways while connections are cut at random bytes, once and in order.
import { describe, expect, test } from "vitest";
import { type Bridge, type BridgeDiagnostic, openBridge } from "../src/index.ts";
import { cuttingCarrier } from "./cutting-carrier.ts";
import { randomFrom } from "./generator.ts";
import { MEDIA, type Medium } from "./media/index.ts";
import { sessionBetween } from "./sessions.ts";

const MESSAGES = 1_000;
const CONTROL_MESSAGES = 200;
const LARGEST_BYTES = 2_500;
const SENT_AT_ONCE = 100;
const CUTS_BY_EACH = 3;
const CUT_EVERY_BYTES = 60_000;

const kinds = await Promise.all(MEDIA.map(async (kind) => ({ ...kind, reason: await kind.unavailable() })));
for (const { reason } of kinds) if (reason !== undefined) process.stdout.write(`skipped: ${reason}\n`);

describe.each(kinds)("$name", ({ name, open, reason }) => {
  const journey = test.skipIf(reason !== undefined);

  journey("uncut control: nothing is dropped, repeated or connected twice", async () => {
    const { left, right } = await cross(await open(), CONTROL_MESSAGES, 0);
    for (const stats of [left, right])
      expect(stats).toMatchObject({ connections: 1, framesDropped: 0, messagesSent: CONTROL_MESSAGES });
  });

  journey(`${MESSAGES} messages each way, with cuts from either end`, async () => {
    const { left, right, cuts } = await cross(await open(), MESSAGES, CUTS_BY_EACH);
    const { connections, retransmissions, framesDropped, duplicates } = left;
    process.stdout.write(
      `${name}: ${JSON.stringify({ cuts, connections, retransmissions, framesDropped, duplicates })}\n`,
    );
    expect(cuts).toBe(2 * CUTS_BY_EACH);
    for (const stats of [left, right])
      expect(stats).toMatchObject({
        messagesSent: MESSAGES,
        messagesReceived: MESSAGES,
        peerRestarts: 0,
        peerViolations: 0,
      });
  });
});

async function cross(medium: Medium, messages: number, cutsByEach: number) {
  const received = { left: 0, right: 0 };
  const surprises: BridgeDiagnostic[] = [];
  const end = (side: "left" | "right", peerName: "left" | "right", seed: number) => {
    const random = randomFrom(100 + seed);
    const carrier = cuttingCarrier(medium[side](), { random, everyBytes: CUT_EVERY_BYTES, most: cutsByEach });
    const bridge = openBridge({
      carrier,
      localName: side,
      peerName,
      session: sessionBetween(side, peerName),
      onMessage: async (bytes) => {
        const expected = contentOf(seed, received[side]);
        if (!expected.equals(bytes))
          throw new Error(`message ${received[side]} at ${side} is not the one that was sent`);
        received[side]++;
      },
      onDiagnostic: (event) => {
        if (event.code !== "CARRIER_FAILED" && event.code !== "CONNECTION_TURNED_AWAY") surprises.push(event);
      },
    });
    return { bridge, carrier };
  };
  const [left, right] = [end("left", "right", 2), end("right", "left", 1)];
  try {
    await Promise.all([
      sendAll(left.bridge, 1, messages, () => received.right),
      sendAll(right.bridge, 2, messages, () => received.left),
    ]);
    expect(received).toEqual({ left: messages, right: messages });
    expect(surprises).toEqual([]);
    const cuts = left.carrier.cuts() + right.carrier.cuts();
    return { left: left.bridge.stats(), right: right.bridge.stats(), cuts };
  } finally {
    await Promise.all([left.bridge.close(), right.bridge.close()]);
    await medium.end();
  }
}

/** Sends every message, and checks that each is settled in its turn and not before the other application had it. */
async function sendAll(bridge: Bridge, seed: number, messages: number, receivedThere: () => number): Promise<void> {
  let settled = 0;
  const sendEvery = async (first: number): Promise<void> => {
    for (let index = first; index < messages; index += SENT_AT_ONCE) {
      await bridge.send(contentOf(seed, index));
      expect(settled++).toBe(index);
      expect(receivedThere()).toBeGreaterThan(index);
    }
  };
  await Promise.all(Array.from({ length: SENT_AT_ONCE }, (_, first) => sendEvery(first)));
}

/** Filled with a pattern of its own. */
function contentOf(seed: number, index: number): Buffer {
  const random = randomFrom(seed * 1_000_003 + index);
  return Buffer.alloc(1 + random.below(LARGEST_BYTES), `${seed}:${index}:${random.below(2 ** 32)};`);
}
