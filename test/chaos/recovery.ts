// How long it took after each kill until the killed part was seen to do its work again, by what services wrote down.
import type { Observer } from "./observe.ts";
import type { Target } from "./plan.ts";

export type Recovery = Killed & {
  /** From the kill, and from the moment at which it was up again; null when there was nothing left for it to do. */
  readonly fromKillMs: number | null;
  readonly fromUpMs: number | null;
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
    const { target, atMs, upMs } = killed;
    const next = (await timesOf(STEPS[target])).find((time) => time >= upMs);
    const since = (ms: number): number | null => (next === undefined ? null : next - ms);
    const meanwhile = next === undefined ? [] : othersHurt(killed, next, hurts);
    measured.push({ ...killed, fromKillMs: since(atMs), fromUpMs: since(upMs), meanwhile });
  }
  return measured;
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
