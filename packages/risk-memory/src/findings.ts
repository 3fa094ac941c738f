// All SQL about findings: what each rule said of a withdrawal, and when.
import type { ApiFinding } from "@sluice/client/api";
import type { Finding } from "@sluice/core";
import type { Queryable, Transaction } from "@sluice/postgres";

export async function insertFindings(
  tx: Transaction,
  id: string,
  by: ApiFinding["by"],
  findings: readonly (Omit<Finding, "verdict"> & { readonly verdict: string })[],
  atMs: number,
  policyVersion?: number,
): Promise<void> {
  for (const { rule, verdict, reason, evidence } of findings) {
    await tx.query(
      `insert into finding (withdrawal_id, found_by, rule, verdict, reason, evidence, at_ms, policy_version)
       values ($1, $2, $3, $4, $5, $6, $7, $8)`,
      [id, by, rule, verdict, reason, evidence, atMs, policyVersion ?? null],
    );
  }
}

export async function listFindings(database: Queryable, id: string): Promise<readonly ApiFinding[]> {
  const { rows } = await database.query<ApiFinding>(
    `select found_by as "by", rule, verdict, reason, evidence, at_ms::float8 as "atMs" from finding
     where withdrawal_id = $1 order by id`,
    [id],
  );
  return rows;
}
