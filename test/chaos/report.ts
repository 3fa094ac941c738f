// A run in words for people, its last line a summary.
import type { ChaosResult } from "./chaos.ts";
import { spreadOf } from "./recovery.ts";

export function renderReport(result: ChaosResult): string {
  return `${[...linesOf(result), summaryOf(result)].join("\n")}\n`;
}

/** Everything that counts, in one line. */
export function summaryOf({ options, fired, counts, violations, recovery, tookMs }: ChaosResult): string {
  const kinds = ["kill", "pause", "zombie", "cut"].map((kind) => `${totalOf(fired[kind])} ${kind}s`);
  const spread = spreadOf(recovery.flatMap(({ fromKillMs }) => fromKillMs ?? []));
  const found = violations.length === 0 ? "no violation" : `${violations.length} VIOLATIONS`;
  return (
    `chaos: seed ${options.seed}, ${kinds.join(", ")}; ${counts.accepted} accepted, ${counts.refused} refused, ` +
    `${counts.paid} completed; ${found}; recovery from the kill p50 ${seconds(spread.p50)}, p99 ${seconds(spread.p99)}, ` +
    `max ${seconds(spread.max)}; ${seconds(tookMs)}`
  );
}

function linesOf({ fired, notFired, endedByThemselves, recovery, violations, counts, settledInMs }: ChaosResult) {
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
    `${counts.blocks} blocks; everything was finished ${seconds(settledInMs)} after the last posting and fault`,
    ...violations.slice(0, 200).map(({ code, about, detail }) => `VIOLATION ${code} ${about}: ${detail}`),
  ];
}

function totalOf(by: Readonly<Record<string, number>> | undefined): number {
  return Object.values(by ?? {}).reduce((sum, one) => sum + one, 0);
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}
