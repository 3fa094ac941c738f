// What people and backends ask of a withdrawal that is there: cancel, approve, fail.
import type { Policies } from "@sluice/active-policy";
import type { FailureRequest, Sealer } from "@sluice/contracts";
import { decide, type Result, type WithdrawalCommand } from "@sluice/core";
import { type ApiKey, type ApiKeys, type ApiRefusal, type Caller, isSameHand, refuse } from "@sluice/gate";
import type { Transaction } from "@sluice/postgres";
import { apply, sayFailed } from "@sluice/progress";
import { alarmsNow } from "@sluice/report-watch";
import { lockWithdrawal, type Stored } from "@sluice/risk-memory";
import { holdOff, standingFor } from "@sluice/suspensions";

export type Commanding = {
  readonly apiKeys: ApiKeys;
  readonly policies: Pick<Policies, "active">;
  readonly sealer: Sealer;
  readonly now: () => number;
};

type Done = Promise<Result<null, ApiRefusal>>;
const DONE = { ok: true, value: null } as const;

export async function commanded(
  tx: Transaction,
  { apiKeys, policies, sealer, now }: Commanding,
  id: string,
  { key }: Caller,
  type: "cancel" | "approve",
): Done {
  const stored = await lockWithdrawal(tx, id);
  if (stored === undefined || !isVisible(stored, key)) return unknown(id);
  // The last approval clears, and nothing is cleared while reports are missing.
  const [alarm] = type === "approve" ? await alarmsNow(tx, (await policies.active(tx)).policy, now()) : [];
  if (alarm !== undefined) return refuse(409, alarm.code, alarm.detail);
  if (type === "approve") {
    await holdOff(tx, "clearing");
    const standing = await standingFor(tx, stored);
    if (standing !== null) return refuse(409, "SUSPENDED", `suspension ${standing.id} stands: ${standing.reason}`);
    const inOneHand = (keyId: string) => keyId !== key.keyId && isSameHand(apiKeys, keyId, key.keyId);
    if (isSameHand(apiKeys, stored.keyId, key.keyId)) return refuse(403, "OWN_REQUEST", OWN_REQUEST);
    if (stored.approvedBy.some(inOneHand)) return refuse(403, "SAME_PERSON", SAME_PERSON);
  }
  const command: WithdrawalCommand = { type, nowMs: Math.max(now(), stored.changedAtMs), by: key.keyId };
  const decided = decide(command, stored);
  if (!decided.ok) return { ok: false, refusal: { status: 409, ...decided.refusal } };
  await apply(tx, sealer, stored, decided.value);
  return DONE;
}

const OWN_REQUEST = "whoever requested it does not approve it";
const SAME_PERSON = "this person has approved it with another key";

export async function failed(
  tx: Transaction,
  options: Commanding,
  id: string,
  { key, signed }: Caller,
  asked: FailureRequest,
): Done {
  const stored = await lockWithdrawal(tx, id);
  if (stored === undefined || !isVisible(stored, key)) return unknown(id);
  // A report that is missing may be of a transaction that is signed for it.
  const [alarm] = await alarmsNow(tx, (await options.policies.active(tx)).policy, options.now());
  if (alarm !== undefined) return refuse(409, alarm.code, alarm.detail);
  const nowMs = Math.max(options.now(), stored.changedAtMs);
  return sayFailed(tx, options, stored, { key, signed, asked, nowMs });
}

/** To a key that may not see an account, its withdrawals do not exist. */
export function isVisible({ account }: Stored, { accounts }: ApiKey): boolean {
  return accounts === null || accounts.includes(account);
}

export function unknown(id: string) {
  return refuse(404, "WITHDRAWAL_UNKNOWN", `${id} is not known here`);
}
