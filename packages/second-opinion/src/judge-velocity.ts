// The limits over sliding windows of time, from the zone's own history: account, destination, then the whole wallet.
import type { DecodedPayout } from "@sluice/chains";
import { checkVelocity, type VelocityEntry, type VelocityWindow } from "@sluice/core";
import { finding, type OfflineFinding } from "./finding.ts";
import { type Due, grossOutflowSat, type History, type Judgement } from "./judge-task.ts";
import type { Policy } from "./policy.ts";

/** The limits over sliding windows: account, destination, then the whole wallet. */
export function judgeVelocity(
  decoded: DecodedPayout,
  due: readonly Due[],
  policy: Policy,
  history: History,
  nowMs: number,
): Judgement {
  const exceeded = [
    ...windowFindings(
      "ACCOUNT_VELOCITY",
      due,
      ({ account }) => account,
      policy.accountWindows,
      history.byAccount,
      nowMs,
    ),
    ...windowFindings(
      "DESTINATION_VELOCITY",
      due,
      ({ scriptHex }) => scriptHex,
      policy.destinationWindows,
      history.byDestination,
      nowMs,
    ),
    ...walletFindings(decoded, policy.walletWindows, history.ofWallet, nowMs),
  ];
  if (exceeded.length === 0) return { kind: "sign" };
  const never = exceeded.filter(({ freeAtMs }) => freeAtMs === null);
  if (never.length > 0) return { kind: "refuse", findings: never.map(({ found }) => found) };
  const untilMs = Math.max(...exceeded.map(({ freeAtMs }) => freeAtMs ?? nowMs));
  return { kind: "delay", untilMs, findings: exceeded.map(({ found }) => found) };
}

type Exceeded = { readonly found: OfflineFinding; readonly freeAtMs: number | null };
type Windows = Policy["accountWindows"];

function windowFindings(
  rule: string,
  due: readonly Due[],
  keyOf: (due: Due) => string,
  windows: Windows,
  past: ReadonlyMap<string, readonly VelocityEntry[]>,
  nowMs: number,
): readonly Exceeded[] {
  // Companions in the same task count too, one after the other.
  const seen = new Map<string, readonly VelocityEntry[]>(past);
  return due.flatMap((each) => {
    const key = keyOf(each);
    const entries = seen.get(key) ?? [];
    const candidate = { atMs: nowMs, amountMinor: each.amountSat };
    seen.set(key, [...entries, candidate]);
    return exceededBy(each.withdrawalId, rule, windows, entries, candidate);
  });
}

function walletFindings(
  decoded: DecodedPayout,
  windows: Windows,
  past: readonly VelocityEntry[],
  nowMs: number,
): readonly Exceeded[] {
  const candidate = { atMs: nowMs, amountMinor: grossOutflowSat(decoded) };
  return exceededBy("", "WALLET_OUTFLOW", windows, past, candidate);
}

function exceededBy(
  withdrawalId: string,
  rule: string,
  windows: Windows,
  past: readonly VelocityEntry[],
  candidate: VelocityEntry,
): readonly Exceeded[] {
  const answer = checkVelocity(windows.map(toVelocityWindow), past, candidate);
  if (answer.kind === "within") return [];
  const { usedCount, usedMinor, window, freeAtMs } = answer;
  const evidence = { windowMs: String(window.windowMs), usedCount: String(usedCount), usedSat: String(usedMinor) };
  const found = finding(withdrawalId, rule, "a limit over a window of time would be exceeded", evidence);
  return [{ found, freeAtMs }];
}

function toVelocityWindow({ windowMs, maxCount, maxSat }: Windows[number]): VelocityWindow {
  return {
    windowMs,
    ...(maxCount === undefined ? {} : { maxCount }),
    ...(maxSat === undefined ? {} : { maxMinor: maxSat }),
  };
}
