// The plan of faults: what, whom and when, as a pure function of the seed. When is said in withdrawals that were accepted.
import { type FACADE, ONLINE_SERVICES, type OptionalService, type ProcessName } from "@sluice/devstack";
import { randomFrom } from "./random.ts";

export const HOLDER_NAMES = ["semi-offline-signer-a", "semi-offline-signer-b", "semi-offline-signer-c"] as const;
export const PART_NAMES = ["kafka", "postgres", "offlinePostgres", "bitcoind"] as const;
export type PartTarget = (typeof PART_NAMES)[number];
export type Target = Exclude<ProcessName, OptionalService | typeof FACADE> | PartTarget;

/** Everything that is killed. */
export const TARGETS: readonly Target[] = [...ONLINE_SERVICES, "semi-offline-risk", ...HOLDER_NAMES, ...PART_NAMES];

/** The lines of the bridge, by who connects at the far end of semi-offline-risk. */
export const LINES = ["vault", ...HOLDER_NAMES] as const;
export type LineName = (typeof LINES)[number];

type When = {
  /** Fires when so many withdrawals were accepted, */
  readonly afterAccepted: number;
  /** and then after this. */
  readonly thenMs: number;
};

export type Fault = When &
  (
    | { readonly kind: "kill"; readonly target: Target }
    /** SIGSTOP for so long; `zombie` when that is longer than its Kafka session and its database's patience. */
    | { readonly kind: "pause"; readonly target: Target; readonly forMs: number; readonly zombie: boolean }
    /** The line is cut, and nobody gets through for so long. */
    | { readonly kind: "cut"; readonly line: LineName; readonly forMs: number }
  );

export type PlanOptions = {
  readonly seed: number;
  readonly withdrawals: number;
  readonly kills: number;
  readonly pauses: number;
  /** Of the pauses, those that outlast the session. */
  readonly zombies: number;
  readonly cuts: number;
  /** Longer than the Kafka session. */
  readonly zombieMs: number;
};

/** Sorted by time. Every target is killed as often as every other, give or take one; who gets one more is chance. */
export function planFaults(options: PlanOptions): readonly Fault[] {
  const random = randomFrom(options.seed);
  // Not before there is something in flight, and not when hardly anything is.
  const first = Math.ceil(options.withdrawals * 0.03);
  const last = Math.floor(options.withdrawals * 0.97);
  const when = (): When => ({ afterAccepted: random.between(first, last), thenMs: random.below(400) });
  const spread = <T>(count: number, over: readonly T[]): readonly T[] => {
    const rounds = Array.from({ length: Math.ceil(count / over.length) }, () => random.shuffled(over)).flat();
    return rounds.slice(0, count);
  };
  const faults: Fault[] = [
    ...spread(options.kills, TARGETS).map((target) => ({ ...when(), kind: "kill" as const, target })),
    ...spread(options.pauses - options.zombies, TARGETS).map((target) => ({
      ...{ ...when(), kind: "pause" as const, target, zombie: false },
      forMs: random.between(200, 2_500),
    })),
    ...spread(options.zombies, ONLINE_SERVICES).map((target) => ({
      ...{ ...when(), kind: "pause" as const, target, zombie: true },
      forMs: options.zombieMs + random.below(2_000),
    })),
    ...spread(options.cuts, LINES).map((line) => ({
      ...{ ...when(), kind: "cut" as const, line },
      forMs: random.pick([0, random.between(50, 2_000)]),
    })),
  ];
  return faults.toSorted((a, b) => a.afterAccepted - b.afterAccepted || a.thenMs - b.thenMs);
}

export function describeFault(fault: Fault): string {
  const whom = fault.kind === "cut" ? `the line to ${fault.line}` : fault.target;
  const long =
    fault.kind === "kill" ? "" : ` for ${fault.forMs} ms${"zombie" in fault && fault.zombie ? " (a zombie)" : ""}`;
  return `${fault.kind} ${whom}${long}`;
}
