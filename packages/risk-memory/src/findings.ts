// All SQL about findings: what each rule said of a withdrawal, and when.
import type { ApiFinding } from "@sluice/client/api";
import type { Finding } from "@sluice/core";
import type { Queryable, Transaction } from "@sluice/postgres";

export type NewFinding = Omit<Finding, "verdict"> & { readonly verdict: string };

/** What was found of one withdrawal; by a version of the policy, where it was found by one. */
export type Found = {
  readonly id: string;
  readonly findings: readonly NewFinding[];
  readonly atMs: number;
  readonly policyVersion?: number | undefined;
};

export async function insertFindings(tx: Transaction, by: ApiFinding["by"], found: readonly Found[]): Promise<void> {
  const rows = found.flatMap(({ id, findings, atMs, policyVersion }) =>
    findings.map(({ rule, verdict, reason, evidence }) => {
      return { ...{ id, rule, verdict, reason, evidence }, at_ms: atMs, policy_version: policyVersion };
    }),
  );
  if (rows.length === 0) return;
  await tx.query(
    `insert into finding (withdrawal_id, found_by, rule, verdict, reason, evidence, at_ms, policy_version)
     select id, $1, rule, verdict, reason, evidence, at_ms, policy_version
     from rows from (jsonb_to_recordset($2::jsonb) as
       (id text, rule text, verdict text, reason text, evidence jsonb, at_ms bigint, policy_version integer))
       with ordinality as f (id, rule, verdict, reason, evidence, at_ms, policy_version, place) order by place`,
    [by, JSON.stringify(rows)],
  );
}

/** Of each withdrawal, in the order in which they were found. */
export async function listFindings(
  database: Queryable,
  ids: readonly string[],
): Promise<ReadonlyMap<string, readonly ApiFinding[]>> {
  const { rows } = await database.query<ApiFinding & { readonly id: string }>(
    `select withdrawal_id as id, found_by as "by", rule, verdict, reason, evidence, at_ms::float8 as "atMs" from finding
     where withdrawal_id = any($1) order by withdrawal_id, finding.id`,
    [ids],
  );
  const found = Map.groupBy(rows, ({ id }) => id);
  return new Map(ids.map((id) => [id, (found.get(id) ?? []).map(({ id: _, ...finding }) => finding)]));
}
