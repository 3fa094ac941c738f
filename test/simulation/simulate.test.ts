// Some thousand histories with no violation, and a planted bug of each kind found by the check that is meant to find it.
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { expect, test } from "vitest";
import { BUGS } from "./bugs.ts";
import { runHistory, shortestPrefix } from "./history.ts";
import { tallyHistories } from "./tally.ts";

/** `SIMULATE_HISTORIES=20000` runs that many here; `pnpm simulate` runs a million (docs/PROOFS.md). */
const HISTORIES = Number(process.env["SIMULATE_HISTORIES"] ?? 2_000);

test("keeps every promise through crashes, repetitions, disorder, reorganisations and enemies", () => {
  const tally = tallyHistories(1, HISTORIES);
  expect(tally.violations).toEqual([]);
  expect(tally.histories).toBe(HISTORIES);
  const { faults, states } = tally;
  // Not vacuous: withdrawals ended in every way there is, and each kind of fault really fired.
  for (const state of ["completed", "rejected", "refused", "cancelled"]) expect(states[state] ?? 0).toBeGreaterThan(10);
  const fired = Object.keys(faults);
  for (const kind of EXPECTED_FAULTS) expect(fired, kind).toContain(kind);
  const all = Object.values(faults).reduce((sum, times) => sum + times, 0);
  expect(all / tally.histories).toBeGreaterThan(20);
  process.stderr.write(
    `${tally.histories} histories, ${tally.steps} steps, ${all} faults of ${fired.length} kinds: 0 violations\n`,
  );
}, 600_000);

const MOST_SEEDS = 3_000;

test.each(Object.entries(BUGS))(
  "finds a planted bug: %s",
  (name, { foundBy }) => {
    const bug = name as keyof typeof BUGS;
    for (let seed = 1; seed <= MOST_SEEDS; seed += 1) {
      const { violation } = runHistory(seed, { bug });
      if (violation === null || !(foundBy as readonly string[]).includes(violation.promised)) continue;
      process.stderr.write(`${name}: found after ${seed} histories by ${violation.detail}\n`);
      return;
    }
    expect.fail(`nothing found ${name} in ${MOST_SEEDS} histories`);
  },
  600_000,
);

test("the same seed is the same history, and its shortest prefix breaks the same promise", () => {
  const [first, again] = [runHistory(7, { traced: true }), runHistory(7, { traced: true })];
  expect(first.trace.length).toBeGreaterThan(50);
  expect(again).toEqual(first);
  const bug = "a reservation outlives its payment";
  const shortest = shortestPrefix(1, bug);
  expect(shortest.violation?.promised).toBe("NO_RESERVATION_LEFT");
  expect(shortest.chaosSteps).toBeLessThan(runHistory(1, { bug }).chaosSteps);
});

test("the command ends with 0, with 1 at a violation, and with 2 when it is used wrongly", () => {
  const simulate = (...given: readonly string[]) =>
    spawnSync(process.execPath, [join(import.meta.dirname, "run.ts"), ...given], { encoding: "utf8" });
  const clean = simulate("--histories", "20", "--seed", "9", "--threads", "1", "--json");
  expect([clean.status, JSON.parse(clean.stdout)]).toMatchObject([0, { histories: 20, violations: [], seed: 9 }]);
  const broken = simulate("--seed", "1", "--trace", "--bug", "a reservation outlives its payment");
  expect([broken.status, broken.stdout]).toEqual([1, expect.stringContaining("VIOLATION NO_RESERVATION_LEFT")]);
  expect(simulate("--histories", "0").status).toBe(2);
}, 120_000);

const EXPECTED_FAULTS = [
  ...["a record is doubled", "a group's offset is reset", "a partition is late", "the bridge is cut"],
  ...["an order comes late and once more", "a task comes once more", "an answer comes twice"],
  ...["a holder is killed", "a holder refuses by its own caps", "a bad holder answers as it likes"],
  ...["an enemy asks the zone", "an enemy orders holders", "somebody sends what two have signed"],
  ...["the mempool is lost", "blocks are reorganised", "the node is a block behind", "the node does not answer"],
  ...["the same request comes again", "the same id comes with another body", "a veto", "hours pass"],
  ...["online-risk", "vault", "semi-offline-risk", "blockchain-gateway"].flatMap((process) => [
    `${process} dies before its commit`,
    `${process} dies after its commit`,
  ]),
  ...["online-risk", "vault", "treasury"].flatMap((process) => [
    `${process} dies between commit and offset`,
    `${process} dies after its offset`,
  ]),
  ...["holder dies before its record", "holder dies in the middle of its record"],
  ...["holder dies between record and sync", "holder dies after the sync", "holder dies between signature and answer"],
];
