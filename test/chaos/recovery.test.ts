// How long a recovery took: its own waiting counts, the waiting for others who were hurt counts for these alone.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readArguments } from "./arguments.ts";
import { planFaults } from "./plan.ts";
import { type Hurt, isHeldUp, type Killed, recoveryOf, slowestOf, spreadOf } from "./recovery.ts";

const hurt = (whom: string, atMs: number, upMs: number): Hurt => ({ whom, how: "killed", atMs, upMs });
const own = (killed: Killed): Hurt => hurt(killed.target, killed.atMs, killed.upMs);

describe("a recovery", () => {
  const vault: Killed = { target: "vault", atMs: 10_000, upMs: 12_000 };
  const zone: Killed = { target: "semi-offline-risk", atMs: 10_000, upMs: 12_000 };
  const treasury: Killed = { target: "treasury", atMs: 10_000, upMs: 12_000 };
  it.each<[string, Killed, readonly Hurt[], number, number]>([
    ["alone counts whole", vault, [], 5_000, 3_000],
    ["that waits without a reason counts whole", treasury, [hurt("bitcoind", 11_000, 15_000)], 5_000, 3_000],
    ["leaves out whom it needs, while that one was away", treasury, [hurt("kafka", 13_000, 14_000)], 4_000, 2_000],
    ["counts what comes after that one was up", treasury, [hurt("kafka", 9_000, 14_000)], 1_000, 1_000],
    [
      "leaves out a time in which two were away once",
      treasury,
      [hurt("kafka", 12_000, 14_000), hurt("postgres", 13_000, 14_500)],
      2_500,
      500,
    ],
    ["leaves out a later fault of its own", vault, [hurt("vault", 13_000, 14_000)], 4_000, 2_000],
    ["goes on with one holder away", zone, [hurt("semi-offline-signer-a", 12_000, 15_000)], 5_000, 3_000],
    [
      "waits for a second holder",
      zone,
      [hurt("semi-offline-signer-a", 12_000, 15_000), hurt("line to semi-offline-signer-b", 14_000, 15_000)],
      4_000,
      2_000,
    ],
  ])("%s", (_, killed, others, fromKillMs, fromUpMs) => {
    const measured = recoveryOf(killed, 15_000, [own(killed), ...others]);
    expect(measured).toMatchObject({ fromKillMs, fromUpMs, untilStepMs: 5_000 });
  });

  it("of which no step was left is not measured", () => {
    expect(recoveryOf(vault, null, [own(vault)])).toMatchObject({ fromKillMs: null, untilStepMs: null });
  });

  it("is never longer than the whole time, never negative, and whole when nobody else was hurt", () => {
    const aHurt = fc
      .tuple(fc.constantFrom("kafka", "postgres", "vault", "treasury", "bitcoind"), fc.nat(10_000), fc.nat(5_000))
      .map(([whom, atMs, forMs]) => hurt(whom, atMs, atMs + forMs));
    fc.assert(
      fc.property(fc.array(aHurt), fc.nat(5_000), fc.nat(5_000), fc.nat(5_000), (others, atMs, upIn, stepIn) => {
        const killed: Killed = { target: "treasury", atMs, upMs: atMs + upIn };
        const stepAtMs = killed.upMs + stepIn;
        const { fromKillMs, fromUpMs } = recoveryOf(killed, stepAtMs, [own(killed), ...others]);
        expect(fromUpMs).toBeGreaterThanOrEqual(0);
        expect(fromKillMs).toBeGreaterThanOrEqual(fromUpMs ?? 0);
        expect(fromKillMs).toBeLessThanOrEqual(stepAtMs - atMs);
        expect(recoveryOf(killed, stepAtMs, [own(killed)]).fromKillMs).toBe(stepAtMs - atMs);
      }),
    );
  });

  it("is listed with the slowest first, with who was hurt meanwhile", () => {
    const quick = recoveryOf(treasury, 12_500, []);
    const slow = recoveryOf(vault, 20_000, [hurt("bitcoind", 11_000, 13_500)]);
    const none = recoveryOf(zone, null, []);
    expect(slowestOf([quick, none, slow], 2)).toEqual([slow, quick]);
    expect(slow.meanwhile).toEqual(["bitcoind killed 1.0–3.5"]);
  });
});

/** A world in which everybody is always back after so long, and at work a second later, if whoever is needed is there. */
const BACK_AFTER_MS = { kafka: 7_500, other: 2_500 };
const WORKS_AFTER_MS = 1_000;

it("of the long run's plan, in a world where everybody comes back quickly: the whole time tells of the faults' density, the own one of recovery", () => {
  const given = readArguments(["--kills", "520", "--withdrawals", "10000", "--seed", "1", "--per-second", "6"], 0);
  if (given === undefined) throw new Error("the command line is not understood");
  const kills = planFaults({ ...given.options, zombieMs: 8_000 }).flatMap((fault): readonly Killed[] => {
    if (fault.kind !== "kill") return [];
    const atMs = (fault.afterAccepted * 1_000) / given.options.perSecond + fault.thenMs;
    const backMs = fault.target === "kafka" ? BACK_AFTER_MS.kafka : BACK_AFTER_MS.other;
    return [{ target: fault.target, atMs, upMs: atMs + backMs }];
  });
  const hurts = kills.map(own);
  const measured = kills.map((killed) => recoveryOf(killed, stepOf(killed, hurts), hurts));
  const spread = (of: "fromKillMs" | "untilStepMs") => spreadOf(measured.flatMap((one) => one[of] ?? []));
  expect(spread("untilStepMs").p99).toBeGreaterThan(15_000);
  // Between two faults of others there may be a moment too short to do the work in, which counts.
  expect(spread("fromKillMs").max).toBeLessThan(BACK_AFTER_MS.kafka + 3 * WORKS_AFTER_MS);
  process.stdout.write(`own p99 ${spread("fromKillMs").p99} ms, whole p99 ${spread("untilStepMs").p99} ms\n`);
});

/** The first moment from which nobody who is needed goes away again before the work is done. */
function stepOf({ target, upMs }: Killed, hurts: readonly Hurt[]): number {
  for (let fromMs = upMs; ; fromMs += 100) {
    const away = hurts.filter((hurt) => hurt.atMs < fromMs + WORKS_AFTER_MS && hurt.upMs > fromMs);
    if (!isHeldUp(target, new Set(away.map(({ whom }) => whom)))) return fromMs + WORKS_AFTER_MS;
  }
}
