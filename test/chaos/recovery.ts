// How long it took after each kill until the killed part was seen to do its work again, by what services wrote down.
import type { Observer } from "./observe.ts";
import type { Target } from "./plan.ts";

export type Recovery = {
  readonly target: Target;
  /** From the kill, and from the moment at which it was up again; null when there was nothing left for it to do. */
  readonly fromKillMs: number | null;
  readonly fromUpMs: number | null;
};

export type Killed = { readonly target: Target; readonly atMs: number; readonly upMs: number };

/**
 * The step by which each shows that it works: a withdrawal that reaches a state to which the part is needed, as the API
 * dates it; for who only listens (treasury, ops-console), the next message that it takes in.
 */
const STEPS: Readonly<Record<Target, readonly string[] | "inbox">> = {
  "online-risk": ["cleared", "planned", "signing", "signed", "broadcast", "confirming", "completed"],
  vault: ["planned", "signing"],
  "semi-offline-risk": ["signed"],
  "semi-offline-signer-a": ["signed"],
  "semi-offline-signer-b": ["signed"],
  "semi-offline-signer-c": ["signed"],
  offlinePostgres: ["signed"],
  "blockchain-gateway": ["broadcast", "confirming", "completed"],
  bitcoind: ["broadcast", "confirming", "completed"],
  kafka: ["planned", "signing", "signed", "broadcast", "confirming", "completed"],
  postgres: ["planned", "signing", "signed", "broadcast", "confirming", "completed"],
  treasury: "inbox",
  "ops-console": "inbox",
};

export async function measureRecovery(observer: Observer, kills: readonly Killed[]): Promise<readonly Recovery[]> {
  const { rows: changes } = await observer
    .databaseOf("online-risk")
    .query<{ state: string; atMs: bigint }>(`select state, at_ms as "atMs" from withdrawal_change order by at_ms`);
  const inboxOf = async (service: string): Promise<readonly number[]> => {
    const { rows } = await observer
      .databaseOf(service)
      .query<{ at: Date }>("select received_at as at from inbox order by received_at");
    return rows.map(({ at }) => at.getTime());
  };
  const heard = new Map([
    ["treasury", await inboxOf("treasury")],
    ["ops-console", await inboxOf("ops-console")],
  ]);
  return kills.map(({ target, atMs, upMs }) => {
    const states = STEPS[target];
    const times =
      states === "inbox"
        ? (heard.get(target) ?? [])
        : changes.filter(({ state }) => states.includes(state)).map((change) => Number(change.atMs));
    const next = times.find((time) => time >= upMs);
    return {
      target,
      fromKillMs: next === undefined ? null : next - atMs,
      fromUpMs: next === undefined ? null : next - upMs,
    };
  });
}

export type Spread = { readonly p50: number; readonly p99: number; readonly max: number; readonly count: number };

/** Nearest rank. */
export function spreadOf(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  const rank = (share: number): number => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0;
  return { p50: rank(0.5), p99: rank(0.99), max: rank(1), count: sorted.length };
}
