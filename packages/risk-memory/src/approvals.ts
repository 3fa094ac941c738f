// All SQL about approvals: what each person signed.
import type { SignedRequest } from "@sluice/contracts";
import type { Withdrawal } from "@sluice/core";
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

/**
 * What those signed who approved each of these, as it was signed, by withdrawal. Of one that approved before approvals were
 * kept there is nothing.
 */
export async function loadApprovals(
  tx: Transaction,
  approved: readonly Pick<Withdrawal, "id" | "approvedBy">[],
): Promise<ReadonlyMap<string, readonly SignedRequest[]>> {
  if (approved.length === 0) return new Map();
  const { rows } = await tx.query<{ id: string; keyId: string; request: KeptRequest }>(
    `select withdrawal_id as id, key_id as "keyId", request from approval where withdrawal_id = any($1) order by key_id`,
    [approved.map(({ id }) => id)],
  );
  return new Map(
    approved.map(({ id, approvedBy }) => {
      const signed = rows.filter((row) => row.id === id && approvedBy.includes(row.keyId));
      return [id, signed.map(({ request }) => readKept(request))];
    }),
  );
}
