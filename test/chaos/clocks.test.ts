// Services whose clocks are wrong by ten years or an hour, or stand still: nothing is paid twice, and nothing is lost.
import { expect, it } from "vitest";
import { runClocks, SHORT_ROUNDS } from "./clocks.ts";
import { renderClocks } from "./report.ts";

const SEED = 20_261_122;
const PER_ROUND = 8;
const WITHIN_MS = 240_000;

it("with several wrong clocks at once; and once they are right again, everything completes", {
  timeout: WITHIN_MS,
}, async () => {
  const lines: string[] = [];
  const result = await runClocks({
    ...{ seed: SEED, rounds: SHORT_ROUNDS, perRound: PER_ROUND, wrongForMs: 3_000, ownParts: false },
    log: (line) => void lines.push(line),
  });
  process.stdout.write(renderClocks(SEED, result));
  expect(result.violations, lines.slice(-40).join("\n")).toEqual([]);
  expect(result.skewed).toBe(SHORT_ROUNDS.reduce((sum, round) => sum + Object.keys(round).length, 0));
  // online-risk, an hour behind, says of every request that it is not of its time; afterwards it takes them.
  expect(result.said["API: SIGNATURE_STALE"]).toBeGreaterThan(0);
  expect(result.completed + result.refusedForGood).toBe(PER_ROUND * SHORT_ROUNDS.length);
});
