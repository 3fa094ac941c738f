// What was cleared, by whose it is counted together with: as it was loaded, and what is cleared since in the same transaction. Pure.
import type { PastWithdrawal, VelocityScope } from "@sluice/online-rules";
import type { Longest, Subject } from "./behaviour.ts";

export type Tally = {
  /** What counts together with a withdrawal, in each scope within its longest window. */
  readonly before: (subject: Subject, longest: Longest) => Readonly<Record<VelocityScope, readonly PastWithdrawal[]>>;
  /** It is cleared at the time at which it is judged, and counts for whoever comes after it. */
  readonly add: (subject: Subject) => void;
};

/** @param loaded by scope and value, `device:d-1` */
export function createTally(loaded: ReadonlyMap<string, readonly PastWithdrawal[]>): Tally {
  const known = new Map([...loaded].map(([name, past]) => [name, [...past]]));
  return { before, add };

  function listOf(over: VelocityScope, value: string | undefined): PastWithdrawal[] | undefined {
    return value === undefined ? undefined : known.get(`${over}:${value}`);
  }

  function before({ values, judged: { nowMs } }: Subject, longest: Longest) {
    const found: Record<VelocityScope, readonly PastWithdrawal[]> = {
      ...{ account: NONE, destination: NONE, device: NONE, ip: NONE, asset: NONE, all: NONE },
    };
    for (const [over, windowMs] of Object.entries(longest) as [VelocityScope, number][]) {
      const past = listOf(over, values[over]) ?? NONE;
      found[over] = past.filter(({ atMs }) => atMs > nowMs - windowMs);
    }
    return found;
  }

  function add({ values, judged: { asset, amountMinor, nowMs } }: Subject): void {
    for (const over of SCOPES) {
      const past = listOf(over, values[over]);
      if (past === undefined) continue;
      if (over !== "asset" && over !== "all") past.push({ atMs: nowMs, asset, amountMinor });
      else addToMinute(past, { atMs: minuteEndMs(nowMs), asset, amountMinor });
    }
  }
}

const NONE: readonly PastWithdrawal[] = [];
const SCOPES: readonly VelocityScope[] = ["account", "destination", "device", "ip", "asset", "all"];

/** Whatever counts over all accounts is summed by the minute, and counts to the end of it. */
export function minuteEndMs(atMs: number): number {
  return atMs - (atMs % MINUTE_MS) + MINUTE_MS - 1;
}

const MINUTE_MS = 60_000;

function addToMinute(past: PastWithdrawal[], one: PastWithdrawal): void {
  const at = past.findIndex(({ atMs, asset }) => atMs === one.atMs && asset === one.asset);
  const sum = past[at];
  if (sum === undefined) past.push({ ...one, count: 1 });
  else past[at] = { ...sum, amountMinor: sum.amountMinor + one.amountMinor, count: (sum.count ?? 1) + 1 };
}
