// A real peer process is killed in the middle of a transfer, several times: all that was not accepted comes again.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { openBridge, unixConnector } from "../src/index.ts";
import { idOf, letterOf } from "./letters.ts";
import { sessionBetween } from "./sessions.ts";

const LETTERS = 600;
const KILLS = 6;

test(`a peer killed ${KILLS} times loses nothing, and repeats only what was not accepted`, async () => {
  const folder = mkdtempSync(join(tmpdir(), "bridge-"));
  const path = join(folder, "peer.sock");
  const peers: ChildProcess[] = [startPeer(path, folder)];
  const handed: { readonly id: number; readonly life: number }[] = [];
  let kills = 0;
  let settled = 0;
  let restarts = 0;
  let finish = (): void => {};
  const allHanded = new Promise<void>((resolve) => (finish = resolve));

  const bridge = openBridge({
    carrier: unixConnector(path),
    localName: "test",
    peerName: "peer",
    session: sessionBetween("test", "peer"),
    onMessage: async (bytes) => {
      handed.push({ id: idOf(bytes), life: peers.length });
      if (handed.at(-1)?.id === LETTERS) finish();
    },
    onDiagnostic: (event) => {
      if (event.code === "PEER_RESTARTED") restarts++;
    },
  });

  /** Every so many messages the peer dies, with messages under way in both directions. */
  const killNow = async (): Promise<void> => {
    const peer = peers.at(-1);
    expect(bridge.stats().pendingMessages).toBeGreaterThan(0);
    kills++;
    peer?.kill("SIGKILL");
    if (peer !== undefined) await once(peer, "exit");
    peers.push(startPeer(path, folder));
  };

  try {
    const sent = Array.from({ length: LETTERS }, async (_, index) => {
      await bridge.send(letterOf(index + 1));
      settled++;
      expect(settled).toBe(index + 1);
      if (settled % Math.floor(LETTERS / (KILLS + 1)) === 0 && kills < KILLS) await killNow();
    });
    await Promise.all([...sent, allHanded]);
    checkReceived(readFileSync(join(folder, "received"), "utf8"));
    checkHanded(handed);
    process.stdout.write(
      `killed peer: ${kills} kills, ${restarts} restarts noticed, ${handed.length - LETTERS} messages came again\n`,
    );
    expect([kills, restarts]).toEqual([KILLS, KILLS]);
  } finally {
    await bridge.close();
    peers.at(-1)?.kill("SIGKILL");
    rmSync(folder, { recursive: true });
  }
});

function startPeer(path: string, folder: string): ChildProcess {
  const file = fileURLToPath(new URL("peer-process.ts", import.meta.url));
  return spawn(process.execPath, [file, path, folder, String(LETTERS)], { stdio: ["ignore", "ignore", "inherit"] });
}

/** What the peer's lives have stored: in order, nothing missing, and a step back only where a new life begins. */
function checkReceived(content: string): void {
  const lines = content
    .trim()
    .split("\n")
    .map((line) => line.split(" ").map(Number));
  let [lastLife, last] = [0, 0];
  for (const [life = 0, id = 0] of lines) {
    if (life === lastLife) expect(id).toBe(last + 1);
    else expect(id).toBeLessThanOrEqual(last + 1);
    [lastLife, last] = [life, id];
  }
  expect(new Set(lines.map(([, id]) => id)).size).toBe(LETTERS);
}

/** What came from the peer's lives: the same, but whole messages of a dead life may still come after the next began. */
function checkHanded(handed: readonly { readonly id: number }[]): void {
  let last = 0;
  let stepsBack = 0;
  for (const { id } of handed) {
    if (id !== last + 1) stepsBack++;
    expect(id).toBeLessThanOrEqual(last + 1);
    last = id;
  }
  expect(stepsBack).toBeLessThanOrEqual(KILLS);
  expect(new Set(handed.map(({ id }) => id)).size).toBe(LETTERS);
}
