// All SQL about approvals: what each person signed.
import type { SignedRequest } from "@sluice/contracts";
import type { Transaction } from "@sluice/postgres";
import { type KeptRequest, keptRequest, readKept } from "./requests.ts";

/** Each key has one, the newest; but one that says what it is for is never replaced by one that does not. */
export async function saveApproval(
  tx: Transaction,
  withdrawalId: string,
  keyId: string,
  signed: SignedRequest,
  approvedAtMs: number,
): Promise<void> {
  await tx.query(
    `insert into approval (withdrawal_id, key_id, bound, approved_at_ms, request) values ($1, $2, $3, $4, $5)
     on conflict (withdrawal_id, key_id) do update set bound = $3, approved_at_ms = $4, request = $5
     where not approval.bound or excluded.bound`,
    [withdrawalId, keyId, signed.body.length > 0, approvedAtMs, keptRequest(signed)],
  );
}

/** What these keys signed, as it was signed. Of one that approved before approvals were kept there is nothing. */
export async function loadApprovals(
  tx: Transaction,
  withdrawalId: string,
  keyIds: readonly string[],
): Promise<readonly SignedRequest[]> {
  const { rows } = await tx.query<{ request: KeptRequest }>(
    "select request from approval where withdrawal_id = $1 and key_id = any($2) order by key_id",
    [withdrawalId, keyIds],
  );
  return rows.map(({ request }) => readKept(request));
}
