// All SQL about versions of the policy. Rows are only ever added; a version's state is what was decided about it.
import type { SignedRequest } from "@sluice/contracts";
import type { Queryable, Transaction } from "@sluice/postgres";

export const POLICY_STATES = ["proposed", "active", "superseded", "withdrawn"] as const;
export type PolicyState = (typeof POLICY_STATES)[number];

export type StoredVersion = {
  readonly version: number;
  readonly state: PolicyState;
  /** In hexadecimal. */
  readonly sha256: string;
  /** What was active when it was proposed; null for the first one. */
  readonly basedOn: number | null;
  /** Null of the first one, which came from the file given at start. */
  readonly proposedBy: string | null;
  readonly person: string | null;
  readonly proposedAtMs: number;
  readonly decision: Decision | null;
};

export type Decision = {
  readonly kind: "activated" | "withdrawn";
  readonly by: string | null;
  readonly person: string | null;
  readonly atMs: number;
};

export type NewVersion = Pick<StoredVersion, "sha256" | "proposedBy" | "person" | "proposedAtMs"> & {
  readonly text: string;
  readonly request: SignedRequest | null;
};

export type NewDecision = Decision & { readonly version: number; readonly request: SignedRequest | null };

/** Until the end of the transaction nobody else proposes or decides anything. */
export async function lockVersions(tx: Transaction): Promise<void> {
  await tx.query("select pg_advisory_xact_lock(hashtextextended('policy', 0))");
}

/** Which version is active as of this statement; undefined while there is none. */
export async function readActive(
  database: Queryable,
): Promise<{ readonly version: number; readonly sha256: string } | undefined> {
  const { rows } = await database.query<{ version: number; sha256: string }>(
    `select d.version, encode(v.sha256, 'hex') as sha256 from policy_decision d join policy_version v on v.number = d.version
     where d.kind = 'activated' order by d.number desc limit 1`,
  );
  return rows[0];
}

export async function readText(database: Queryable, version: number): Promise<string | undefined> {
  const { rows } = await database.query<{ content: string }>("select content from policy_version where number = $1", [
    version,
  ]);
  return rows[0]?.content;
}

/** The next number, based on what is active. The caller has locked. */
export async function insertVersion(tx: Transaction, given: NewVersion): Promise<number> {
  const { rows } = await tx.query<{ number: number }>(
    `insert into policy_version (number, content, sha256, based_on, proposed_by, person, proposed_at_ms, request)
     select 1 + coalesce((select max(number) from policy_version), 0), $1, decode($2, 'hex'),
       (select version from policy_decision where kind = 'activated' order by number desc limit 1), $3, $4, $5, $6
     returning number`,
    [
      ...[given.text, given.sha256, given.proposedBy, given.person, given.proposedAtMs],
      given.request === null ? null : kept(given.request),
    ],
  );
  const [row] = rows;
  if (row === undefined) throw new Error("a version of the policy was not returned by its insert");
  return row.number;
}

/** The caller has locked, and has looked: the database refuses what would be wrong, as a broken invariant. */
export async function insertDecision(tx: Transaction, given: NewDecision): Promise<void> {
  await tx.query(
    "insert into policy_decision (version, kind, decided_by, person, decided_at_ms, request) values ($1, $2, $3, $4, $5, $6)",
    [
      ...[given.version, given.kind, given.by, given.person, given.atMs],
      given.request === null ? null : kept(given.request),
    ],
  );
}

/** Newest first, one more than asked for. */
export async function listVersions(
  database: Queryable,
  { before, limit }: { readonly before: number | null; readonly limit: number },
): Promise<readonly StoredVersion[]> {
  const { rows } = await database.query<StoredVersion>(
    `${SELECT} where $1::integer is null or v.number < $1 order by v.number desc limit $2`,
    [before, limit + 1],
  );
  return rows;
}

export async function findVersion(database: Queryable, version: number): Promise<StoredVersion | undefined> {
  return (await database.query<StoredVersion>(`${SELECT} where v.number = $1`, [version])).rows[0];
}

/** What this key has proposed with this content against what is active now, and nobody has decided about. */
export async function findProposed(
  database: Queryable,
  sha256: string,
  keyId: string,
): Promise<StoredVersion | undefined> {
  const { rows } = await database.query<StoredVersion>(
    `${SELECT} where d.version is null and v.sha256 = decode($1, 'hex') and v.proposed_by = $2
       and v.based_on = (select version from policy_decision where kind = 'activated' order by number desc limit 1)
     order by v.number desc limit 1`,
    [sha256, keyId],
  );
  return rows[0];
}

const SELECT = `select v.number as version, encode(v.sha256, 'hex') as sha256, v.based_on as "basedOn",
    v.proposed_by as "proposedBy", v.person, v.proposed_at_ms::float8 as "proposedAtMs",
    case when d.kind is null then 'proposed' when d.kind = 'withdrawn' then 'withdrawn'
         when d.number = (select max(number) from policy_decision where kind = 'activated') then 'active'
         else 'superseded' end as state,
    case when d.kind is not null then
      json_build_object('kind', d.kind, 'by', d.decided_by, 'person', d.person, 'atMs', d.decided_at_ms) end as decision
  from policy_version v left join policy_decision d on d.version = v.number`;

function kept(request: SignedRequest): string {
  return JSON.stringify({ ...request, body: Buffer.from(request.body).toString("base64") });
}
