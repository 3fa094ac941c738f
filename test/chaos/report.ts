// A run in words for people, its last line a summary.
import type { ChaosResult } from "./chaos.ts";
import type { ClocksResult } from "./clocks.ts";
import { type Recovery, slowestOf, spreadOf } from "./recovery.ts";

type Told = Omit<ChaosResult, "history">;

/** 0 clean, 1 a violation or the run broke off, 2 wrong usage, 3 no fault fired. */
export const EXIT = { clean: 0, violated: 1, usage: 2, nothingFired: 3 } as const;

export function exitOf({ violations, fired }: Pick<ChaosResult, "violations" | "fired">): number {
  if (violations.length > 0) return EXIT.violated;
  const total = Object.values(fired).reduce((sum, by) => sum + totalOf(by), 0);
  return total === 0 ? EXIT.nothingFired : EXIT.clean;
}

export function renderReport(result: Told): string {
  return `${[...linesOf(result), summaryOf(result)].join("\n")}\n`;
}

export function renderClocks(
  seed: number,
  { skewed, said, completed, refusedForGood, violations }: Omit<ClocksResult, "history">,
): string {
  const found = violations.length === 0 ? "no violation" : `${violations.length} VIOLATIONS`;
  return [
    ...Object.entries(said).map(([what, times]) => `said while clocks were wrong: ${what} (${times})`),
    ...violations.map(({ code, about, detail }) => `VIOLATION ${code} ${about}: ${detail}`),
    `clocks: seed ${seed}, ${skewed} wrong clocks; ${completed} completed, ${refusedForGood} refused for good; ${found}\n`,
  ].join("\n");
}

/** Everything that counts, in one line. */
export function summaryOf({ options, fired, counts, violations, recovery, tookMs }: Told): string {
  const kinds = ["kill", "pause", "zombie", "cut"].map((kind) => `${totalOf(fired[kind])} ${kind}s`);
  const spread = spreadOf(recovery.flatMap(({ fromKillMs }) => fromKillMs ?? []));
  const whole = spreadOf(recovery.flatMap(({ untilStepMs }) => untilStepMs ?? []));
  const found = violations.length === 0 ? "no violation" : `${violations.length} VIOLATIONS`;
  return (
    `chaos: seed ${options.seed}, ${kinds.join(", ")}; ${counts.accepted} accepted, ${counts.refused} refused, ` +
    `${counts.paid} completed; ${found}; recovery from the kill p50 ${seconds(spread.p50)}, p99 ${seconds(spread.p99)}, ` +
    `max ${seconds(spread.max)} (with the waiting for others p50 ${seconds(whole.p50)}, p99 ${seconds(whole.p99)}); ${seconds(tookMs)}`
  );
}

function linesOf({ fired, notFired, endedByThemselves, recovery, violations, counts, settledInMs }: Told) {
  const byTarget = [...Map.groupBy(recovery, ({ target }) => target)].map(([target, some]) => {
    const kill = spreadOf(some.flatMap(({ fromKillMs }) => fromKillMs ?? []));
    const up = spreadOf(some.flatMap(({ fromUpMs }) => fromUpMs ?? []));
    const words = (of: typeof kill) => `p50 ${seconds(of.p50)} p99 ${seconds(of.p99)} max ${seconds(of.max)}`;
    return `  ${target}: ${some.length} kills, ${kill.count} measured; from the kill ${words(kill)}; from up ${words(up)}`;
  });
  return [
    ...Object.entries(fired).map(
      ([kind, by]) =>
        `${kind} fired ${totalOf(by)}: ${Object.entries(by)
          .map(([whom, times]) => `${whom} ${times}`)
          .join(", ")}`,
    ),
    ...notFired.map((fault) => `NOT FIRED: ${fault}`),
    ...endedByThemselves.map((line) => `ended by itself: ${line}`),
    "recovery:",
    ...byTarget,
    "slowest, from the kill:",
    ...slowestOf(recovery, SLOWEST).map(slowLine),
    `${counts.blocks} blocks, ${counts.transfers} internal transfers; everything was finished ${seconds(settledInMs)} after the last posting and fault`,
    ...violations.slice(0, 200).map(({ code, about, detail }) => `VIOLATION ${code} ${about}: ${detail}`),
  ];
}

const SLOWEST = 10;

/** What there is to know without the logs: how much of it was the start, and who else was away. */
function slowLine({ target, atMs, upMs, fromKillMs, fromUpMs, untilStepMs, meanwhile }: Recovery): string {
  const when = new Date(atMs).toISOString().slice(11, 23);
  const others = meanwhile.length === 0 ? "nobody else was hurt" : meanwhile.join(", ");
  const [own, step, whole] = [fromKillMs, fromUpMs, untilStepMs].map((ms) => seconds(ms ?? 0));
  return `  ${own} ${target}, killed ${when}: up after ${seconds(upMs - atMs)}, ${step} of its own from there to the first step, ${whole} in all; ${others}`;
}

function totalOf(by: Readonly<Record<string, number>> | undefined): number {
  return Object.values(by ?? {}).reduce((sum, one) => sum + one, 0);
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}
