// The active policy: which version it is, is read in the transaction that asks, and what it says is read once for its content.
// So no instance goes on with a policy that was superseded before that transaction began, and none needs a restart.
import type { BitcoinNetwork } from "@sluice/chains";
import { type Dependency, Problem } from "@sluice/http";
import { type Policy, readPolicyText, sayFault, type WrittenPolicy } from "@sluice/online-rules";
import { type Pool, type Queryable, transaction } from "@sluice/postgres";
import type { Logger } from "@sluice/runtime";
import { insertDecision, insertVersion, lockVersions, readActive, readText } from "./versions.ts";

export type ActivePolicy = { readonly version: number; readonly sha256: string; readonly policy: Policy };

/** A live view: whoever decides by the policy holds this, and asks when the decision is made. */
export type Policies = {
  /** @throws Problem POLICY_UNREADABLE (503) when this program cannot read the active version: then nothing is decided */
  readonly active: (database: Queryable) => Promise<ActivePolicy>;
  /** What this process read last, for what cannot ask; null while it could read none. */
  readonly latest: () => ActivePolicy | null;
};

/** The file given at start. */
export type GivenPolicy = Pick<WrittenPolicy, "text" | "sha256">;

export type OpenPolicies = Policies & {
  /** For /readyz: which version counts, and whether the file given at start says something else. */
  readonly ready: () => Promise<readonly Dependency[]>;
};

export async function openPolicies(
  parts: {
    readonly pool: Pool;
    readonly network: BitcoinNetwork;
    readonly now: () => number;
    readonly logger: Logger;
  },
  given: GivenPolicy,
): Promise<OpenPolicies> {
  const { pool, network, now, logger } = parts;
  const policies = createPolicies(network);
  await seed(pool, given, now());
  const active = await policies.active(pool).catch((error: unknown) => {
    if (!(error instanceof Problem)) throw error;
    logger.error({ detail: error.spec.detail }, "ALARM: the active policy cannot be read: nothing is judged");
    return null;
  });
  const { version, sha256 } = active ?? {};
  if (active !== null) logger.info({ version, sha256 }, "the active policy");
  if (active !== null && sha256 !== given.sha256) logger.warn({ version }, DIFFERS);
  return { ...policies, ready };

  async function ready(): Promise<readonly Dependency[]> {
    const named = { name: "policy" };
    try {
      const now = await policies.active(pool);
      const about = now.sha256 === given.sha256 ? "" : `; ${DIFFERS}`;
      return [{ ...named, ok: true, detail: `version ${now.version}, ${now.sha256}${about}` }];
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      return [{ ...named, ok: false, detail: error.spec.detail ?? error.code }];
    }
  }
}

const DIFFERS = "the file given at start says something else and has no say: it was the first version once, at most";

/** Without a file: what is active is in the database already. */
export function createPolicies(network: BitcoinNetwork): Policies {
  const read = new Map<string, Policy>();
  let latest: ActivePolicy | null = null;
  return { active, latest: () => latest };

  async function active(database: Queryable): Promise<ActivePolicy> {
    const found = await readActive(database);
    if (found === undefined) throw unreadable("there is no active version");
    if (latest?.version === found.version && latest.sha256 === found.sha256) return latest;
    const policy = read.get(found.sha256) ?? (await load(database, found.version, found.sha256));
    read.set(found.sha256, policy);
    const newer: ActivePolicy = { ...found, policy };
    // A transaction that began earlier may answer later: what is known does not go back.
    if (latest === null || newer.version > latest.version) latest = newer;
    return newer;
  }

  async function load(database: Queryable, version: number, sha256: string): Promise<Policy> {
    const text = await readText(database, version);
    if (text === undefined) throw unreadable(`version ${version} is gone`);
    const written = readPolicyText(text, network);
    if (!written.ok) {
      throw unreadable(`version ${version} cannot be read by this program: ${written.faults.map(sayFault).join("; ")}`);
    }
    if (written.value.sha256 !== sha256) throw unreadable(`version ${version} is not what its SHA-256 says`);
    return written.value.policy;
  }
}

function unreadable(detail: string): Problem {
  return new Problem({ status: 503, code: "POLICY_UNREADABLE", title: "The active policy cannot be read", detail });
}

/** The file becomes the first version of an empty database, and never anything else. */
async function seed(pool: Pool, { text, sha256 }: GivenPolicy, nowMs: number): Promise<void> {
  await transaction(pool, async (tx) => {
    await lockVersions(tx);
    if ((await readActive(tx)) !== undefined) return;
    const proposed = { text, sha256, proposedBy: null, person: null, proposedAtMs: nowMs, request: null };
    const version = await insertVersion(tx, proposed);
    await insertDecision(tx, { version, kind: "activated", by: null, person: null, atMs: nowMs, request: null });
  });
}
