// What is unusual for this account, or for this wallet within an hour, beside its own history. It delays or refuses,
// and never makes anything else milder.
import type { DecodedPayout } from "@sluice/chains";
import { scoreAmount, type Unusual } from "./baseline.ts";
import { finding } from "./finding.ts";
import type { Barrier } from "./judge-limits.ts";
import { type Due, grossOutflowSat, type History } from "./judgement.ts";
import type { Policy } from "./policy.ts";

type Baseline = Policy["baseline"];

export function baselineBarriers(
  decoded: DecodedPayout,
  due: readonly Due[],
  { baseline }: Policy,
  history: History,
  nowMs: number,
): readonly Barrier[] {
  const accounts = due.flatMap(({ withdrawalId, account, amountSat }) => {
    const unusual = scoreAmount(history.usualOfAccount.get(account) ?? [], amountSat, baseline.minimumCount);
    const sinceMs = history.deliberations.get(withdrawalId)?.sinceMs ?? nowMs;
    const found = { withdrawalId, rule: "ACCOUNT_ABNORMAL", reason: "far more than is usual for the account" };
    return barrier(
      unusual,
      baseline.account,
      { ...found, deliberated: [withdrawalId] },
      sinceMs + baseline.delayMs,
      nowMs,
    );
  });
  // A replacement of what was ordered before takes nothing more out.
  if (due.length === 0) return [];
  const hourSat = history.thisHourOfWalletSat + grossOutflowSat(decoded);
  const unusual = scoreAmount(history.usualHoursOfWallet, hourSat, baseline.minimumCount);
  const found = {
    withdrawalId: "",
    rule: "WALLET_ABNORMAL",
    reason: "far more in an hour than is usual for the wallet",
  };
  const deliberated = due.map(({ withdrawalId }) => withdrawalId);
  const freeAtMs = history.firstJudgedAtMs + baseline.delayMs;
  return [...accounts, ...barrier(unusual, baseline.wallet, { ...found, deliberated }, freeAtMs, nowMs)];
}

function barrier(
  unusual: Unusual | null,
  { delayScore, refuseScore }: Baseline["account"],
  found: {
    readonly withdrawalId: string;
    readonly rule: string;
    readonly reason: string;
    readonly deliberated: readonly string[];
  },
  freeAtMs: number,
  nowMs: number,
): readonly Barrier[] {
  if (unusual === null || unusual.scoreThousandths < delayScore) return [];
  const refuses = unusual.scoreThousandths >= refuseScore;
  if (!refuses && nowMs >= freeAtMs) return [];
  const evidence = {
    score: inThousandths(unusual.scoreThousandths),
    medianSat: String(unusual.median),
    madDoublings: inThousandths(unusual.madThousandths),
    count: String(unusual.count),
  };
  const { withdrawalId, rule, reason, deliberated } = found;
  return [{ found: finding(withdrawalId, rule, reason, evidence), freeAtMs: refuses ? null : freeAtMs, deliberated }];
}

function inThousandths(value: bigint): string {
  return `${value / 1_000n}.${String(value % 1_000n).padStart(3, "0")}`;
}
