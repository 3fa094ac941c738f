// Two bridges with a man in the middle of a real socket: it learns nothing of a message, forges none, and only delays.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { type BridgeDiagnostic, type BridgeStats, openBridge, unixConnector, unixListener } from "../src/index.ts";
import { type Enemy, type EnemyOptions, startEnemy } from "./enemy-proxy.ts";
import { randomFrom } from "./generator.ts";
import { sessionBetween } from "./sessions.ts";

const MESSAGES = 400;
const MARKER = "to be read by nobody on the way";
/** The enemy rests for the last few, so that the end is reached however much it delays. */
const AT_WORK_FOR = 350;
const QUIET = { altered: 0, replayed: 0, injected: 0, withheld: 0, cut: 0 };

test("untampered control: everything crosses, and the marker is nowhere on the line", async () => {
  const { enemy, left, right, diagnostics } = await cross(QUIET);
  expect(enemy.did).toMatchObject({ ...QUIET, reconnects: 1 });
  expect(diagnostics).toEqual([]);
  for (const stats of [left, right])
    expect(stats).toMatchObject({ messagesReceived: MESSAGES, unopened: 0, unauthenticated: 0, sessions: 1 });
  checkSecrecy(enemy);
});

test("an enemy who alters, replays, injects and withholds frames only delays", { timeout: 60_000 }, async () => {
  const { enemy, left, right, diagnostics } = await cross({
    altered: 0.03,
    replayed: 0.1,
    injected: 0.05,
    withheld: 0.02,
    cut: 0.006,
  });
  const { unopened, stale, duplicates, unauthenticated, throttled, sessions, malformed } = left;
  process.stdout.write(
    `man in the middle: ${JSON.stringify({ ...enemy.did, left: { unopened, stale, duplicates, unauthenticated, throttled, sessions, malformed }, diagnostics: tally(diagnostics) })}\n`,
  );
  for (const [what, count] of Object.entries(enemy.did)) expect(count, what).toBeGreaterThan(0);
  expect(enemy.did.altered + enemy.did.replayed + enemy.did.injected).toBeGreaterThan(200);
  expect(left.unopened + right.unopened).toBeGreaterThan(10);
  for (const stats of [left, right])
    expect(stats).toMatchObject({
      messagesReceived: MESSAGES,
      messagesSent: MESSAGES,
      peerViolations: 0,
      peerRestarts: 0,
    });
  checkSecrecy(enemy);
});

async function cross(how: Pick<EnemyOptions, "altered" | "replayed" | "injected" | "withheld" | "cut">): Promise<{
  readonly enemy: Enemy;
  readonly left: BridgeStats;
  readonly right: BridgeStats;
  readonly diagnostics: readonly BridgeDiagnostic[];
}> {
  const folder = mkdtempSync(join(tmpdir(), "bridge-"));
  const [listenPath, connectPath] = [join(folder, "enemy.sock"), join(folder, "bridge.sock")];
  const enemy = await startEnemy({ listenPath, connectPath, seed: 20_261_121, ...how });
  const diagnostics: BridgeDiagnostic[] = [];
  const onDiagnostic = (event: BridgeDiagnostic): void => {
    if (event.code !== "CARRIER_FAILED" && event.code !== "CONNECTION_TURNED_AWAY") diagnostics.push(event);
  };
  const received = { left: 0, right: 0 };
  const bridge = (side: "left" | "right", peer: "left" | "right") =>
    openBridge({
      carrier: side === "left" ? unixListener(connectPath) : unixConnector(listenPath),
      localName: side,
      peerName: peer,
      session: sessionBetween(side, peer),
      // The wait after handshakes that came to nothing is what the enemy wins; a test need not wait as long.
      limits: { heartbeatMs: 100, silenceMs: 1_000, attemptMinMs: 20, attemptMaxMs: 200 },
      onDiagnostic,
      onMessage: async (bytes) => {
        const expected = contentOf(peer, received[side]);
        if (!expected.equals(bytes)) throw new Error(`message ${received[side]} at ${side} is another`);
        if (++received[side] === AT_WORK_FOR) enemy.rest();
      },
    });
  const [left, right] = [bridge("left", "right"), bridge("right", "left")];
  try {
    const numbers = Array.from({ length: MESSAGES }, (_, index) => index);
    await Promise.all(numbers.flatMap((n) => [left.send(contentOf("left", n)), right.send(contentOf("right", n))]));
    expect(received).toEqual({ left: MESSAGES, right: MESSAGES });
    return { enemy, left: left.stats(), right: right.stats(), diagnostics };
  } finally {
    await Promise.all([left.close(), right.close(), enemy.close()]);
    rmSync(folder, { recursive: true });
  }
}

/** The search would find the marker if it were there: it finds what crossed in clear, the names. */
function checkSecrecy({ seen }: Enemy): void {
  const line = Buffer.concat(seen);
  expect(line.includes("right")).toBe(true);
  expect(line.length).toBeGreaterThan(MESSAGES * 2 * MARKER.length);
  for (let at = 0; at + 8 <= MARKER.length; at++) expect(line.includes(MARKER.slice(at, at + 8))).toBe(false);
}

function contentOf(sender: string, index: number): Buffer {
  const length = MARKER.length + randomFrom(index + 1).below(6_000);
  return Buffer.alloc(length, `${MARKER} ${sender} ${index};`);
}

function tally(diagnostics: readonly BridgeDiagnostic[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const { code } of diagnostics) counts[code] = (counts[code] ?? 0) + 1;
  return counts;
}
