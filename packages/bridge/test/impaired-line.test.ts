// The same impairment on a real socket between two real bridges, with fewer messages: stalls take their two seconds here.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { type Bridge, heldBytesAtMost, openBridge, unixConnector, unixListener } from "../src/index.ts";
import { DEFAULT_LIMITS } from "../src/limits.ts";
import { type Impairment, TEN_PERCENT_OF_EVERYTHING } from "./impaired-line.ts";
import { indexOf, letterOf } from "./impaired-simulation.ts";
import { startImpairingProxy } from "./impairing-proxy.ts";
import { sessionBetween } from "./sessions.ts";

const SEED = Number(process.env["SLUICE_IMPAIRMENT_SEED"] ?? 20_261_121);
/** Each way. More of them, and cuts and stalls at ten percent too: SLUICE_IMPAIRMENT_MESSAGES=1000 (each cut costs about a second). */
const MESSAGES = Number(process.env["SLUICE_IMPAIRMENT_MESSAGES"] ?? 60);
const LONG = MESSAGES > 60;
const SENT_AT_ONCE = 50;
const IMPAIRMENT: Impairment = LONG
  ? TEN_PERCENT_OF_EVERYTHING
  : { ...TEN_PERCENT_OF_EVERYTHING, cuts: 0.004, stalls: 0.002 };

test(`${MESSAGES} messages each way over a real, impaired line, seed ${SEED}`, {
  timeout: LONG ? 3_600_000 : 120_000,
}, async () => {
  const folder = mkdtempSync(join(tmpdir(), "bridge-"));
  const [listenPath, connectPath] = [join(folder, "proxy.sock"), join(folder, "bridge.sock")];
  const proxy = await startImpairingProxy({ listenPath, connectPath, seed: SEED, impairment: IMPAIRMENT });
  const received = { left: { ordinary: 0, urgent: 0 }, right: { ordinary: 0, urgent: 0 } };
  const surprises: string[] = [];
  const open = (side: "left" | "right", peer: "left" | "right", theirSeed: number): Bridge =>
    openBridge({
      carrier: side === "left" ? unixListener(connectPath) : unixConnector(listenPath),
      localName: side,
      peerName: peer,
      session: sessionBetween(side, peer),
      onMessage: async (bytes) => take(side, theirSeed, bytes),
      onDiagnostic: ({ code }) => {
        if (code === "PEER_VIOLATION" || code === "PEER_RESTARTED" || code === "MESSAGE_REJECTED") surprises.push(code);
      },
    });
  let greatestHeldBytes = 0;
  const take = (side: "left" | "right", theirSeed: number, bytes: Uint8Array): void => {
    const counts = received[side];
    // Which stream it came on is not told, so it is the next of one of the two.
    const isNext = (["urgent", "ordinary"] as const).find((priority) =>
      Buffer.from(bytes).equals(letterOf(theirSeed, indexOf(priority, counts[priority])).bytes),
    );
    if (isNext === undefined) throw new Error(`${side} got what is not next: ${JSON.stringify(counts)}`);
    counts[isNext]++;
    greatestHeldBytes = Math.max(greatestHeldBytes, left.stats().bytesHeld, right.stats().bytesHeld);
  };
  const left = open("left", "right", 2);
  const right = open("right", "left", 1);
  try {
    await Promise.all([sendAll(left, 1), sendAll(right, 2)]);
    const { connections, retransmissions, duplicates, framesDropped } = left.stats();
    process.stdout.write(
      `impaired line, seed ${SEED}: ${JSON.stringify({ ...proxy.faults, connections, retransmissions, duplicates, framesDropped, greatestHeldBytes })}\n`,
    );
    expect(surprises).toEqual([]);
    for (const side of ["left", "right"] as const)
      expect(received[side].ordinary + received[side].urgent).toBe(MESSAGES);
    for (const [fault, count] of Object.entries(proxy.faults)) expect(count, fault).toBeGreaterThan(0);
    expect(greatestHeldBytes).toBeLessThanOrEqual(heldBytesAtMost(DEFAULT_LIMITS, 32));
  } finally {
    await Promise.all([left.close(), right.close(), proxy.close()]);
    rmSync(folder, { recursive: true });
  }
});

async function sendAll(bridge: Bridge, seed: number): Promise<void> {
  const sendEvery = async (first: number): Promise<void> => {
    for (let number = first; number < MESSAGES; number += SENT_AT_ONCE) {
      const { bytes, priority } = letterOf(seed, number);
      await bridge.send(bytes, { priority });
    }
  };
  await Promise.all(Array.from({ length: SENT_AT_ONCE }, (_, first) => sendEvery(first)));
}
