// Judgements that were made, as the findings tell of them: the first and the last of each withdrawal, the newest withdrawals first.
import type { Asset } from "@sluice/core";
import type { Queryable } from "@sluice/postgres";

export type Recorded = {
  readonly rule: string;
  readonly verdict: string;
  readonly reason: string;
  readonly evidence: Readonly<Record<string, string>>;
};

export type Judgement = {
  readonly which: "first" | "last";
  /** The time that it was made for: everything that is known from later on did not count. */
  readonly nowMs: number;
  /** Where its findings begin. Within limits that were held together, who was judged before has lower ones. */
  readonly findingId: bigint;
  readonly policyVersion: number | null;
  readonly recorded: ReadonlyMap<string, Recorded>;
};

export type Past = {
  readonly id: string;
  readonly number: bigint;
  readonly account: string;
  readonly asset: Asset;
  readonly amountMinor: bigint;
  readonly scriptPubKey: Uint8Array;
  readonly receivedAtMs: number;
  readonly keyId: string;
  /** None of one that was not judged yet. */
  readonly judgements: readonly Judgement[];
};

/** One more than asked for. */
export async function listPast(
  database: Queryable,
  { cursor, limit }: { readonly cursor?: string | undefined; readonly limit: number },
): Promise<readonly Past[]> {
  const { rows } = await database.query<Row>(
    `select w.id, w.number, w.account, w.asset, w.amount_minor as "amountMinor", w.script_pubkey as "scriptPubKey",
       w.received_at_ms::float8 as "receivedAtMs", w.key_id as "keyId",
       (select json_agg(json_build_object('id', f.id::text, 'rule', rule, 'verdict', verdict, 'reason', reason,
                                          'evidence', evidence, 'atMs', at_ms, 'policyVersion', policy_version) order by f.id)
        from finding f, (select min(at_ms) as first, max(at_ms) as last from finding
                         where withdrawal_id = w.id and ${JUDGED}) around
        where f.withdrawal_id = w.id and ${JUDGED} and f.at_ms in (around.first, around.last)) as findings
     from withdrawal w where ($1::bigint is null or w.number < $1) order by w.number desc limit $2`,
    [cursor ?? null, limit + 1],
  );
  return rows.map(({ findings, amountMinor, ...row }) => ({
    ...row,
    amountMinor: BigInt(amountMinor),
    judgements: judgementsOf(findings ?? []),
  }));
}

/** That people approved it is noted as a finding too, and is no judgement by the rules. */
export const JUDGED = "found_by = 'online-risk' and rule <> 'APPROVALS'";

type Row = Omit<Past, "amountMinor" | "judgements"> & {
  readonly amountMinor: string;
  readonly findings: readonly Found[] | null;
};
type Found = Recorded & { readonly id: string; readonly atMs: number; readonly policyVersion: number | null };

function judgementsOf(findings: readonly Found[]): readonly Judgement[] {
  const byTime = [...Map.groupBy(findings, ({ atMs }) => atMs)].toSorted(([left], [right]) => left - right);
  return byTime.flatMap(([nowMs, some], index): readonly Judgement[] => {
    const [first] = some;
    if (first === undefined) return [];
    const { id, policyVersion } = first;
    const recorded = new Map(
      some.map(({ rule, verdict, reason, evidence }) => [rule, { rule, verdict, reason, evidence }]),
    );
    return [{ which: index === 0 ? "first" : "last", nowMs, findingId: BigInt(id), policyVersion, recorded }];
  });
}
