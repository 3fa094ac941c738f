// The plan is the seed's alone, hurts everybody alike, and the command understands what it is asked and nothing else.
import fc from "fast-check";
import { expect, it } from "vitest";
import { readArguments } from "./arguments.ts";
import { type PlanOptions, planFaults, TARGETS } from "./plan.ts";
import { exitOf } from "./report.ts";
import { violation } from "./violation.ts";

const anyOptions: fc.Arbitrary<PlanOptions> = fc
  .record({
    seed: fc.nat(),
    withdrawals: fc.integer({ min: 40, max: 10_000 }),
    kills: fc.nat(600),
    pauses: fc.nat(50),
    zombies: fc.nat(50),
    cuts: fc.nat(50),
    zombieMs: fc.constant(8_000),
  })
  .map((options) => ({ ...options, pauses: options.pauses + options.zombies }));

it("is the same for the same seed, another for another, and in order", () => {
  fc.assert(
    fc.property(anyOptions, (options) => {
      const plan = planFaults(options);
      expect(planFaults(options)).toEqual(plan);
      if (plan.length > 3) expect(planFaults({ ...options, seed: options.seed + 1 })).not.toEqual(plan);
      const times = plan.map(({ afterAccepted }) => afterAccepted);
      expect(times).toEqual(times.toSorted((a, b) => a - b));
      expect(Math.max(0, ...times)).toBeLessThanOrEqual(options.withdrawals);
    }),
    { numRuns: 50 },
  );
});

it("has as many of each kind as was asked for, and kills everybody as often as everybody else, give or take one", () => {
  fc.assert(
    fc.property(anyOptions, (options) => {
      const plan = planFaults(options);
      const count = (kind: string) => plan.filter((fault) => fault.kind === kind).length;
      expect([count("kill"), count("pause"), count("cut")]).toEqual([options.kills, options.pauses, options.cuts]);
      const kills = TARGETS.map(
        (target) => plan.filter((fault) => fault.kind === "kill" && fault.target === target).length,
      );
      expect(Math.max(...kills) - Math.min(...kills)).toBeLessThanOrEqual(1);
      expect(plan.filter((fault) => fault.kind === "pause" && fault.zombie)).toHaveLength(options.zombies);
    }),
    { numRuns: 50 },
  );
});

it("forty kills are at least three of everybody; the long run of seed 1 has forty of each and lasts until its end", () => {
  const killsOf = (argv: readonly string[]) => {
    const given = readArguments([...argv, "--seed", "1", "--per-second", "6"], 0)?.options;
    if (given === undefined) throw new Error("the command line is not understood");
    const kills = planFaults({ ...given, zombieMs: 8_000 }).filter(({ kind }) => kind === "kill");
    return {
      kills,
      each: TARGETS.map((name) => kills.filter((kill) => kill.kind === "kill" && kill.target === name).length),
    };
  };
  const short = killsOf(["--kills", "40", "--withdrawals", "300"]);
  expect(Math.min(...short.each)).toBe(3);
  const long = killsOf(["--kills", "520", "--withdrawals", "10000"]);
  expect(long.each).toEqual(TARGETS.map(() => 40));
  // Spread over the run: in each tenth of it there are kills.
  const tenths = new Set(long.kills.map(({ afterAccepted }) => Math.floor(afterAccepted / 1_000)));
  expect([...tenths].toSorted()).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
});

it("reads the command line", () => {
  expect(readArguments([], 7)).toMatchObject({
    what: "kills",
    options: { seed: 7, kills: 40, withdrawals: 300, pauses: 12, zombies: 2, cuts: 10, perSecond: 6 },
  });
  expect(readArguments(["--kills", "0", "--zombies", "9"], 7)?.options).toMatchObject({
    kills: 0,
    pauses: 9,
    zombies: 9,
  });
  expect(readArguments(["--clocks", "--seed", "3"], 7)).toMatchObject({ what: "clocks", options: { seed: 3 } });
  const wrong = [["--nonsense"], ["more"], ["--kills", "-1"], ["--kills", "many"], ["--withdrawals", "0"], ["--seed"]];
  for (const argv of wrong) expect(readArguments(argv, 7), argv.join(" ")).toBeUndefined();
});

it("a violation is 1, also when faults fired; nothing fired is 3; and clean is 0", () => {
  const fired = { kill: { vault: 1 } };
  expect(exitOf({ violations: [violation("LOST", "w-1", "")], fired })).toBe(1);
  expect(exitOf({ violations: [], fired: {} })).toBe(3);
  expect(exitOf({ violations: [], fired })).toBe(0);
});
