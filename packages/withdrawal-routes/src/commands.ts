// What people and backends ask of a withdrawal that is there: cancel, approve, fail.
import type { Policies } from "@sluice/active-policy";
import {
  type ApprovalRequest,
  approvalPath,
  type FailureRequest,
  type Sealer,
  type SignedRequest,
} from "@sluice/contracts";
import { decide, type Result, type WithdrawalCommand } from "@sluice/core";
import { type ApiKey, type ApiKeys, type ApiRefusal, type Caller, isSameHand, refuse } from "@sluice/gate";
import type { Policy } from "@sluice/online-rules";
import type { Transaction } from "@sluice/postgres";
import { apply, sayFailed } from "@sluice/progress";
import { alarmsNow } from "@sluice/report-watch";
import { findBodySha256, lockWithdrawal, type Stored, saveApproval } from "@sluice/risk-memory";
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
  { key, signed }: Caller,
  type: "cancel" | "approve",
  asked?: ApprovalRequest,
): Done {
  const stored = await lockWithdrawal(tx, id);
  if (stored === undefined || !isVisible(stored, key)) return unknown(id);
  // The last approval clears, and nothing is cleared while reports are missing.
  if (type === "approve") {
    const { policy } = await policies.active(tx);
    const [alarm] = await alarmsNow(tx, policy, now());
    if (alarm !== undefined) return refuse(409, alarm.code, alarm.detail);
    await holdOff(tx, "clearing");
    const standing = await standingFor(tx, stored);
    if (standing !== null) return refuse(409, "SUSPENDED", `suspension ${standing.id} stands: ${standing.reason}`);
    const inOneHand = (keyId: string) => keyId !== key.keyId && isSameHand(apiKeys, keyId, key.keyId);
    if (isSameHand(apiKeys, stored.keyId, key.keyId)) return refuse(403, "OWN_REQUEST", OWN_REQUEST);
    if (stored.approvedBy.some(inOneHand)) return refuse(403, "SAME_PERSON", SAME_PERSON);
    const fault = await contentFault(tx, policy, stored, signed, asked);
    if (fault !== null) return fault;
  }
  const nowMs = Math.max(now(), stored.changedAtMs);
  const command: WithdrawalCommand = { type, nowMs, by: key.keyId };
  const decided = decide(command, stored);
  if (!decided.ok) return { ok: false, refusal: { status: 409, ...decided.refusal } };
  // The last approval seals the clearance, which carries them all; one that came again may say more than before.
  if (type === "approve" && stored.state === "held") {
    await saveApproval(tx, stored.id, key.keyId, signed, nowMs);
  }
  await apply(tx, sealer, stored, decided.value);
  return DONE;
}

/** What others are to verify has to be exactly this request, and to be for what is stored under this id. */
async function contentFault(
  tx: Transaction,
  { boundApprovalsAboveMinor }: Pick<Policy, "boundApprovalsAboveMinor">,
  { id, amountMinor }: Stored,
  { path, query, body }: SignedRequest,
  asked: ApprovalRequest | undefined,
): Promise<ReturnType<typeof refuse> | null> {
  if (path !== approvalPath(id) || query !== "") {
    return refuse(400, "QUERY_UNEXPECTED", `the request target has to be exactly ${approvalPath(id)}`);
  }
  if (asked === undefined && body.length === 0) {
    const isLarge = boundApprovalsAboveMinor !== undefined && amountMinor > boundApprovalsAboveMinor;
    return isLarge ? refuse(422, "APPROVAL_UNBOUND", UNBOUND) : null;
  }
  const bodySha256 = (await findBodySha256(tx, [id])).get(id)?.toString("hex");
  return asked !== undefined && asked.requestSha256 === bodySha256
    ? null
    : refuse(409, "APPROVAL_OTHER_CONTENT", OTHER_CONTENT);
}

const UNBOUND = "an amount like this is approved with requestSha256, the SHA-256 of the request's exact body";
const OTHER_CONTENT = "requestSha256 is not the SHA-256 of what was requested under this id";
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
