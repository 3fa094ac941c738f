// The limits over sliding windows of time, from the zone's own history: account, destination, then the whole wallet.
import type { DecodedPayout } from "@sluice/chains";
import { checkVelocity, type VelocityEntry, type VelocityWindow } from "@sluice/core";
import { finding } from "./finding.ts";
import type { Barrier } from "./judge-limits.ts";
import { originBarriers } from "./judge-origin.ts";
import { type Due, grossOutflowSat, type History } from "./judgement.ts";
import { outflowBeside } from "./outflow.ts";
import type { Policy } from "./policy.ts";

export function velocityBarriers(
  decoded: DecodedPayout,
  due: readonly Due[],
  policy: Policy,
  history: History,
  nowMs: number,
  anchor: string | null,
): readonly Barrier[] {
  const ofAccount = ({ account }: Due) => policy.windowsOfAccount.get(account) ?? policy.accountWindows;
  const ofDestination = () => policy.destinationWindows;
  const outflow = outflowBeside(history.ofWallet, { atMs: nowMs, amountMinor: grossOutflowSat(decoded), anchor });
  return [
    ...keyedBarriers("ACCOUNT_VELOCITY", due, ({ account }) => account, ofAccount, history.byAccount, nowMs),
    ...keyedBarriers(
      "DESTINATION_VELOCITY",
      due,
      ({ scriptHex }) => scriptHex,
      ofDestination,
      history.byDestination,
      nowMs,
    ),
    ...originBarriers(due, policy, history, nowMs),
    ...exceededBy("", "WALLET_OUTFLOW", policy.walletWindows, outflow.past, outflow.candidate),
  ];
}

type Windows = Policy["accountWindows"];

export function keyedBarriers(
  rule: string,
  due: readonly Due[],
  keyOf: (due: Due) => string,
  windowsOf: (due: Due) => Windows,
  past: ReadonlyMap<string, readonly VelocityEntry[]>,
  nowMs: number,
  evidenceOf: (due: Due) => Readonly<Record<string, string>> = () => ({}),
): readonly Barrier[] {
  // Companions in the same task count too, one after the other.
  const companions = new Map<string, readonly VelocityEntry[]>();
  return due.flatMap((each) => {
    const key = keyOf(each);
    const before = companions.get(key) ?? [];
    const candidate = { atMs: nowMs, amountMinor: each.amountSat };
    companions.set(key, [...before, candidate]);
    const fits = (beside: readonly VelocityEntry[]) =>
      exceededBy("", rule, windowsOf(each), beside, candidate).length === 0;
    // No wait makes room for all of them at once, but each may have its turn: refused as a whole, they come one by one.
    const together = fits([]) && !fits(before);
    const about = together ? "" : each.withdrawalId;
    const earlier = [...(past.get(key) ?? []), ...before];
    const barriers = exceededBy(about, rule, windowsOf(each), earlier, candidate, evidenceOf(each));
    return together ? barriers.map((barrier) => ({ ...barrier, freeAtMs: null })) : barriers;
  });
}

export function exceededBy(
  withdrawalId: string,
  rule: string,
  windows: Windows,
  past: readonly VelocityEntry[],
  candidate: VelocityEntry,
  named: Readonly<Record<string, string>> = {},
): readonly Barrier[] {
  const answer = checkVelocity(windows.map(toVelocityWindow), past, candidate);
  if (answer.kind === "within") return [];
  const { usedCount, usedMinor, window, freeAtMs } = answer;
  const evidence = {
    ...named,
    windowMs: String(window.windowMs),
    usedCount: String(usedCount),
    usedSat: String(usedMinor),
  };
  const found = finding(withdrawalId, rule, "a limit over a window of time would be exceeded", evidence);
  return [{ found, freeAtMs, deliberated: [] }];
}

function toVelocityWindow({ windowMs, maxCount, maxSat }: Windows[number]): VelocityWindow {
  return {
    windowMs,
    ...(maxCount === undefined ? {} : { maxCount }),
    ...(maxSat === undefined ? {} : { maxMinor: maxSat }),
  };
}
