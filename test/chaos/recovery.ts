// How long it took after each kill until the killed part was seen to do its work again, by what services wrote down.
import type { Observer } from "./observe.ts";
import { HOLDER_NAMES, type Target } from "./plan.ts";

export type Recovery = Killed & {
  /**
   * From the kill to the first step, without the time in which something that the step needs was away by a fault of its own,
   * which is measured there; null when there was nothing left for it to do.
   */
  readonly fromKillMs: number | null;
  /** The same from the moment at which it was up again. */
  readonly fromUpMs: number | null;
  /** From the kill to the first step, whoever else was away. */
  readonly untilStepMs: number | null;
  /** Who else was hurt meanwhile, and when, in seconds from the kill: "kafka killed 1.2–6.0". */
  readonly meanwhile: readonly string[];
};

export type Killed = { readonly target: Target; readonly atMs: number; readonly upMs: number };

/** Something that was hurt, from when to when. */
export type Hurt = { readonly whom: string; readonly how: string; readonly atMs: number; readonly upMs: number };

type Step = { readonly of: readonly string[]; readonly does: "says" | "hears"; readonly topics?: readonly string[] };

const SIGNED: Step = { of: ["vault"], does: "says", topics: ["transaction.signed.v1"] };
const SPEAKERS = ["online-risk", "vault", "blockchain-gateway"];

/**
 * The step by which each shows that it works, as the databases date it: a service that speaks appends to its outbox, one
 * that only listens takes a message in, holders and their zone bring about a signed transaction, the node brings the
 * gateway to speak, Postgres lets anybody speak, Kafka lets anybody hear.
 */
const STEPS: Readonly<Record<Target, Step>> = {
  "online-risk": { of: ["online-risk"], does: "says" },
  vault: { of: ["vault"], does: "says" },
  "semi-offline-risk": SIGNED,
  "semi-offline-signer-a": SIGNED,
  "semi-offline-signer-b": SIGNED,
  "semi-offline-signer-c": SIGNED,
  offlinePostgres: SIGNED,
  "blockchain-gateway": { of: ["blockchain-gateway"], does: "says" },
  bitcoind: { of: ["blockchain-gateway"], does: "says" },
  kafka: { of: [...SPEAKERS, "treasury", "ops-console"], does: "hears" },
  postgres: { of: SPEAKERS, does: "says" },
  treasury: { of: ["treasury"], does: "hears" },
  "ops-console": { of: ["ops-console"], does: "hears" },
};

const either =
  (...names: readonly string[]) =>
  (away: ReadonlySet<string>) =>
    names.some((name) => away.has(name));

/** A withdrawal is signed by online-risk, vault, the zone and two holders together, over Kafka and both Postgres servers. */
const isSigningAway = (away: ReadonlySet<string>): boolean =>
  either("kafka", "postgres", "online-risk", "vault", "line to vault", "semi-offline-risk", "offlinePostgres")(away) ||
  HOLDER_NAMES.filter((name) => away.has(name) || away.has(`line to ${name}`)).length > HOLDER_NAMES.length - 2;

/** Whether the step cannot happen because of whom it needs, beside the killed one itself. */
const NEEDS: Readonly<Record<Target, (away: ReadonlySet<string>) => boolean>> = {
  // Each starts only when Kafka and Postgres are there.
  "online-risk": either("postgres", "kafka"),
  vault: either("postgres", "kafka", "online-risk"),
  treasury: either("postgres", "kafka"),
  "ops-console": either("postgres", "kafka"),
  "blockchain-gateway": either("postgres", "kafka", "bitcoind"),
  bitcoind: either("postgres", "blockchain-gateway"),
  kafka: either("postgres"),
  postgres: () => false,
  "semi-offline-risk": isSigningAway,
  "semi-offline-signer-a": isSigningAway,
  "semi-offline-signer-b": isSigningAway,
  "semi-offline-signer-c": isSigningAway,
  offlinePostgres: isSigningAway,
};

export async function measureRecovery(
  observer: Observer,
  kills: readonly Killed[],
  hurts: readonly Hurt[],
): Promise<readonly Recovery[]> {
  const known = new Map<Step, readonly number[]>();
  const timesOf = async (step: Step): Promise<readonly number[]> => {
    const found = known.get(step) ?? (await readTimes(observer, step));
    known.set(step, found);
    return found;
  };
  const measured: Recovery[] = [];
  for (const killed of kills) {
    const next = (await timesOf(STEPS[killed.target])).find((time) => time >= killed.upMs);
    measured.push(recoveryOf(killed, next ?? null, hurts));
  }
  return measured;
}

/** Pure. Every fault is measured once: what it cost others, who waited for it, is not counted for these again. */
export function recoveryOf(killed: Killed, stepAtMs: number | null, hurts: readonly Hurt[]): Recovery {
  const { target, atMs, upMs } = killed;
  if (stepAtMs === null) return { ...killed, fromKillMs: null, fromUpMs: null, untilStepMs: null, meanwhile: [] };
  const others = hurts.filter((hurt) => !(hurt.whom === target && hurt.atMs === atMs));
  const since = (fromMs: number): number => stepAtMs - fromMs - awayMs(target, fromMs, stepAtMs, others);
  return {
    ...killed,
    fromKillMs: since(atMs),
    fromUpMs: since(upMs),
    untilStepMs: stepAtMs - atMs,
    meanwhile: othersHurt(killed, stepAtMs, hurts),
  };
}

/** Whether the step of the target cannot happen while these are away. */
export function isHeldUp(target: Target, away: ReadonlySet<string>): boolean {
  return away.has(target) || NEEDS[target](away);
}

/** For how long of that time the step of the target could not happen because of others, or of a later fault of its own. */
function awayMs(target: Target, fromMs: number, toMs: number, others: readonly Hurt[]): number {
  const within = (ms: number): number => Math.min(toMs, Math.max(fromMs, ms));
  const marks = [fromMs, toMs, ...others.flatMap((hurt) => [within(hurt.atMs), within(hurt.upMs)])];
  const sorted = [...new Set(marks)].toSorted((a, b) => a - b);
  return sorted.slice(1).reduce((sum, end, at) => {
    const start = sorted[at] ?? end;
    const away = new Set(others.filter((hurt) => hurt.atMs < end && hurt.upMs > start).map(({ whom }) => whom));
    return isHeldUp(target, away) ? sum + end - start : sum;
  }, 0);
}

function othersHurt({ target, atMs }: Killed, nextMs: number, hurts: readonly Hurt[]): readonly string[] {
  const seconds = (ms: number): string => ((ms - atMs) / 1_000).toFixed(1);
  return hurts
    .filter((hurt) => hurt.atMs < nextMs && hurt.upMs > atMs && !(hurt.whom === target && hurt.atMs === atMs))
    .map((hurt) => `${hurt.whom} ${hurt.how} ${seconds(hurt.atMs)}–${seconds(hurt.upMs)}`);
}

/** The longest from the kill first. */
export function slowestOf(recovery: readonly Recovery[], count: number): readonly Recovery[] {
  return recovery
    .filter(({ fromKillMs }) => fromKillMs !== null)
    .toSorted((a, b) => (b.fromKillMs ?? 0) - (a.fromKillMs ?? 0))
    .slice(0, count);
}

/** Sorted. */
async function readTimes(observer: Observer, { of, does, topics }: Step): Promise<readonly number[]> {
  const sql =
    does === "says"
      ? "select created_at as at from outbox where $1::text[] is null or topic = any($1)"
      : "select received_at as at from inbox where $1::text[] is null";
  const times: number[] = [];
  for (const service of of) {
    const { rows } = await observer.databaseOf(service).query<{ at: Date }>(sql, [topics ?? null]);
    for (const { at } of rows) times.push(at.getTime());
  }
  return times.sort((a, b) => a - b);
}

export type Spread = { readonly p50: number; readonly p99: number; readonly max: number; readonly count: number };

/** Nearest rank. */
export function spreadOf(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  const rank = (share: number): number => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0;
  return { p50: rank(0.5), p99: rank(0.99), max: rank(1), count: sorted.length };
}
