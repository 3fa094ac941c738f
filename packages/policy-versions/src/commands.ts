// Proposing, activating and withdrawing a version, each in the transaction of its request.
import {
  findProposed,
  findVersion,
  insertDecision,
  insertVersion,
  listVersions,
  lockVersions,
  type Policies,
  readActive,
  readText,
  type StoredVersion,
} from "@sluice/active-policy";
import type { BitcoinNetwork } from "@sluice/chains";
import { ok, type Result } from "@sluice/core";
import { type ApiKeys, type ApiRefusal, type Caller, isSameHand, refuse, refuseFields } from "@sluice/gate";
import { type PolicyFault, readPolicyText } from "@sluice/online-rules";
import type { Transaction } from "@sluice/postgres";
import { holdOff } from "@sluice/suspensions";
import { type Answer, mayActivate, mayDecide, mayWithdraw } from "./decide-version.ts";

export type Deciding = {
  readonly network: BitcoinNetwork;
  readonly policies: Pick<Policies, "active">;
  readonly apiKeys: ApiKeys;
  readonly now: () => number;
};

type Done = Promise<Result<StoredVersion, ApiRefusal>>;

/** Stores a version that says something else than the active one; the same again by the same key is the same version. */
export async function propose(tx: Transaction, { network, now }: Deciding, caller: Caller, text: string): Done {
  const { key, signed } = caller;
  const refused = refusalOf(mayDecide(key));
  if (refused !== null) return refused;
  const read = readPolicyText(text, network);
  if (!read.ok) return refuseFields(422, fieldsOf(read.faults));
  await lockVersions(tx);
  const { sha256 } = read.value;
  const known = await findProposed(tx, sha256, key.keyId);
  if (known !== undefined) return ok(known);
  const active = await readActive(tx);
  if (active === undefined) throw new Error("there is no active version of the policy");
  if (active.sha256 === sha256) {
    return refuse(409, "POLICY_UNCHANGED", `version ${active.version} says the same, and is active`);
  }
  const { keyId: proposedBy, person } = key;
  const version = await insertVersion(tx, { text, sha256, proposedBy, person, proposedAtMs: now(), request: signed });
  return ok(await load(tx, version));
}

/** Nobody clears meanwhile: what is judged after this commit is judged by the new version, on every instance. */
export async function activate(
  tx: Transaction,
  { network, apiKeys, now }: Deciding,
  { key, signed }: Caller,
  version: number,
  seenSha256: string,
): Done {
  const refused = refusalOf(mayDecide(key));
  if (refused !== null) return refused;
  await holdOff(tx, "suspending");
  await lockVersions(tx);
  const stored = await findVersion(tx, version);
  const active = await readActive(tx);
  if (stored === undefined || active === undefined) return unknown(version);
  const isOneHand = stored.proposedBy !== null && isSameHand(apiKeys, stored.proposedBy, key.keyId);
  const answer = mayActivate(stored, active.version, key, seenSha256, isOneHand);
  if (answer.kind === "no") return { ok: false, refusal: answer.why };
  if (answer.kind === "known") return ok(stored);
  // Another program may have taken it: what this one cannot read would stop every judgement.
  const read = readPolicyText((await readText(tx, version)) ?? "", network);
  if (!read.ok) return refuse(409, "POLICY_UNREADABLE", `version ${version} cannot be read by this program`);
  const { keyId: by, person } = key;
  await insertDecision(tx, { version, kind: "activated", by, person, atMs: now(), request: signed });
  return ok(await load(tx, version));
}

export async function withdraw(tx: Transaction, { now }: Deciding, { key, signed }: Caller, version: number): Done {
  const refused = refusalOf(mayDecide(key));
  if (refused !== null) return refused;
  await lockVersions(tx);
  const stored = await findVersion(tx, version);
  if (stored === undefined) return unknown(version);
  const answer = mayWithdraw(stored);
  if (answer.kind === "no") return { ok: false, refusal: answer.why };
  if (answer.kind === "known") return ok(stored);
  const { keyId: by, person } = key;
  await insertDecision(tx, { version, kind: "withdrawn", by, person, atMs: now(), request: signed });
  return ok(await load(tx, version));
}

export async function page(
  tx: Transaction,
  { cursor, limit }: { readonly cursor?: string | undefined; readonly limit: number },
) {
  const found = await listVersions(tx, { before: cursor === undefined ? null : Number(cursor), limit });
  const policies = found.slice(0, limit);
  const last = found.length > policies.length ? policies.at(-1) : undefined;
  return { policies, nextCursor: last === undefined ? null : String(last.version) };
}

export async function show(
  tx: Transaction,
  version: number,
): Promise<Result<StoredVersion & { text: string }, ApiRefusal>> {
  const stored = await findVersion(tx, version);
  const text = stored === undefined ? undefined : await readText(tx, version);
  return stored === undefined || text === undefined ? unknown(version) : ok({ ...stored, text });
}

/** The faults of a text, as fields of the request. */
export function fieldsOf(faults: readonly [PolicyFault, ...PolicyFault[]]) {
  const [first, ...rest] = faults;
  const one = ({ line, field, rule }: PolicyFault) => ({
    field: `text${line === null ? "" : `:${line}`}${field === "" ? "" : ` ${field}`}`,
    rule,
    code: "POLICY_INVALID",
  });
  return [one(first), ...rest.map(one)] as const;
}

export function refusalOf(answer: Answer) {
  return answer.kind === "no" ? ({ ok: false, refusal: answer.why } as const) : null;
}

function unknown(version: number) {
  return refuse(404, "POLICY_UNKNOWN", `there is no version ${version}`);
}

async function load(tx: Transaction, version: number): Promise<StoredVersion> {
  const stored = await findVersion(tx, version);
  if (stored === undefined) throw new Error(`version ${version} of the policy is stored and is not`);
  return stored;
}
