// Approvals: what people sign to let one withdrawal go, and whether enough of them have. Whoever holds money back counts them
// again from what was signed, by a list of people of its own.
import { createHash, type KeyObject } from "node:crypto";
import { z } from "zod";
import type { Clearance } from "./clearance.ts";
import { ed25519PublicKey } from "./seal.ts";
import { type SignatureRefusal, type SignedRequest, verifyRequest } from "./signed-request.ts";
import type { Trust } from "./trust.ts";

/**
 * The body of POST /v1/withdrawals/{id}/approvals. An id alone says nothing of amount and address: who has got hold of the
 * side that binds ids to bodies could move such an approval to another body.
 */
export const approvalRequestSchema = z
  .strictObject({
    requestSha256: z
      .string()
      .regex(/^[0-9a-f]{64}$/, "must be 64 lower-case hexadecimal digits")
      .describe(
        "SHA-256 of the exact body of the withdrawal's request, as its `requestBody` has it: what is approved.",
      ),
  })
  .readonly();

export type ApprovalRequest = z.infer<typeof approvalRequestSchema>;

export function approvalPath(withdrawalId: string): string {
  return `/v1/withdrawals/${withdrawalId}/approvals`;
}

/** What a person signs who approves exactly this request. */
export function approvalBody(requestBody: Uint8Array): Uint8Array<ArrayBuffer> {
  return Buffer.from(JSON.stringify({ requestSha256: sha256Hex(requestBody) } satisfies ApprovalRequest), "utf8");
}

export function sha256Hex(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

const satoshi = z
  .string()
  .regex(/^(0|[1-9][0-9]{0,29})$/, "is a whole number of minor units, without sign or leading zero")
  .transform(BigInt);
const name = z.string().regex(/^[A-Za-z0-9._-]{1,64}$/, "is 1 to 64 of A-Z a-z 0-9 . _ -");
const atMs = z.number().int().min(0).max(8_640_000_000_000_000);
const rawOf = (publicKey: string): string => Buffer.from(publicKey, "base64").toString("hex");

/** The larger the amount, the more people: of the tiers that it is above, the most demanding counts. */
export const approvalTiersSchema = z
  .array(z.strictObject({ aboveSat: satoshi, approvals: z.number().int().min(1).max(10) }))
  .max(20);

/** Whose approvals count, by key. A person may have several keys, and counts once. `untilMs` is not valid any more. */
export const approversSchema = z
  .array(
    z.strictObject({
      keyId: name,
      publicKey: z.base64().refine((text) => Buffer.from(text, "base64").length === 32, "is base64 of 32 bytes"),
      person: name,
      ...{ fromMs: atMs, untilMs: atMs.optional(), revoked: z.boolean().optional() },
    }),
  )
  .max(500)
  .refine((all) => new Set(all.map(({ keyId }) => keyId)).size === all.length, "names a key twice")
  .refine(
    (all) => new Set(all.map((each) => rawOf(each.publicKey))).size === all.length,
    "has one key under two names",
  );

/** Who has to approve what, as a bundle has it in its parts and a holder in a file of its own. */
export const approvalsFileSchema = z.strictObject({ approvalTiers: approvalTiersSchema, approvers: approversSchema });

export type ApprovalsFile = {
  readonly approvalTiers: ApprovalRules["tiers"];
  readonly approvers: readonly ApproverFile[];
};
export type ApproverFile = z.output<typeof approversSchema>[number];
export type Approver = Omit<ApproverFile, "publicKey"> & { readonly publicKey: KeyObject };

export type ApprovalRules = {
  readonly tiers: readonly z.output<typeof approvalTiersSchema>[number][];
  /** By key id. */
  readonly approvers: ReadonlyMap<string, Approver>;
};

export function readApprovals({ approvalTiers: tiers, approvers }: ApprovalsFile): ApprovalRules {
  const read = approvers.map((each): Approver => {
    return { ...each, publicKey: ed25519PublicKey(Buffer.from(each.publicKey, "base64")) };
  });
  return { tiers, approvers: new Map(read.map((each) => [each.keyId, each])) };
}

/**
 * What does not go together, against the keys that request or clear. People who are revoked count: a list that takes
 * somebody off is never one that cannot be read.
 */
export function approvalFaults(
  { approvalTiers: tiers, approvers }: ApprovalsFile,
  keys: readonly { readonly keyId: string; readonly publicKey: string }[],
): readonly { readonly name: string; readonly rule: string }[] {
  const people = new Set(approvers.map(({ person }) => person)).size;
  const asked = Math.max(0, ...tiers.map(({ approvals }) => approvals));
  const machines = new Set(keys.flatMap(({ keyId, publicKey }) => [keyId, rawOf(publicKey)]));
  const both = approvers.filter(({ keyId, publicKey }) => machines.has(keyId) || machines.has(rawOf(publicKey)));
  return [
    ...(asked > people ? [{ name: "approvalTiers", rule: `ask for ${asked} of ${people} approvers` }] : []),
    ...both.map(({ keyId }) => ({ name: "approvers", rule: `${keyId} is a key that requests or clears` })),
  ];
}

export type ApprovalRefusal = {
  readonly code:
    | `APPROVAL_${SignatureRefusal["code"]}`
    | "APPROVAL_OTHER_WITHDRAWAL"
    | "APPROVAL_UNBOUND"
    | "APPROVAL_OTHER_CONTENT"
    | "APPROVAL_OWN_REQUEST"
    | "APPROVAL_EXPIRED"
    | "APPROVAL_FROM_FUTURE"
    | "APPROVAL_KEY_TWICE"
    | "APPROVAL_PERSON_TWICE"
    | "APPROVALS_MISSING";
  readonly detail: string;
  readonly evidence: Readonly<Record<string, string>>;
};

export type ApprovalTimes = {
  readonly nowMs: number;
  /** When this was judged first: what waits does not grow old by that. */
  readonly seenAtMs: number;
  readonly maxAgeMs: number;
};

/** The same rules for what was signed for before: only that these people once approved exactly this still counts. */
export function asListed({ tiers, approvers }: ApprovalRules): ApprovalRules {
  const always = [...approvers].map(([keyId, { untilMs: _, ...each }]) => {
    return [keyId, { ...each, fromMs: 0, revoked: false }] as const;
  });
  return { tiers, approvers: new Map(always) };
}

/** How many people an amount needs. */
export function approvalsFor({ tiers }: Pick<ApprovalRules, "tiers">, amountSat: bigint): number {
  return Math.max(0, ...tiers.filter(({ aboveSat }) => amountSat > aboveSat).map(({ approvals }) => approvals));
}

/**
 * Null when enough different people have approved exactly this request. What does not count is passed over, since nobody can
 * gain by adding it; when too few are left, the first that did not count says why.
 */
export function judgeApprovals(
  rules: ApprovalRules,
  clearance: Clearance,
  amountSat: bigint,
  times: ApprovalTimes,
): ApprovalRefusal | null {
  const required = approvalsFor(rules, amountSat);
  if (required === 0) return null;
  const trust = approverTrust(rules, times.nowMs);
  const counted = new Map<string, Approver>();
  const faults: { readonly code: ApprovalRefusal["code"]; readonly detail: string }[] = [];
  for (const signed of clearance.approvals) {
    const found = judgeApproval(rules, trust, clearance, signed, times);
    if ("code" in found) faults.push(found);
    else {
      const { keyId, person } = found;
      const same = [...counted.values()].find((each) => each.person === person);
      if (same === undefined) counted.set(keyId, found);
      else if (same.keyId === keyId) faults.push({ code: "APPROVAL_KEY_TWICE", detail: keyId });
      else faults.push({ code: "APPROVAL_PERSON_TWICE", detail: `${person}: ${same.keyId} and ${keyId}` });
    }
  }
  if (counted.size >= required) return null;
  const people = [...counted.values()].map(({ person }) => person).join(" ");
  const evidence = { required: String(required), approved: String(counted.size), people, amountSat: String(amountSat) };
  const short = `${counted.size} of ${required} people have approved this request`;
  const [fault] = faults;
  if (fault === undefined) return { code: "APPROVALS_MISSING", detail: short, evidence };
  return { code: fault.code, detail: `${short}; ${APPROVAL_MEANINGS[fault.code]}: ${fault.detail}`, evidence };
}

/** Whose approval it is, or why it is nobody's. */
function judgeApproval(
  { approvers }: ApprovalRules,
  trust: Trust,
  { request, requestSha256, backendKeyId, backendKey }: Clearance,
  signed: SignedRequest,
  { nowMs, seenAtMs, maxAgeMs }: ApprovalTimes,
): Approver | { readonly code: ApprovalRefusal["code"]; readonly detail: string } {
  const verified = verifyRequest(trust, signed);
  if (!verified.ok) return { code: `APPROVAL_${verified.refusal.code}`, detail: verified.refusal.detail };
  const { key, createdAtMs } = verified.value;
  const { method, path, query, body } = signed;
  if (method !== "POST" || path !== approvalPath(request.id) || query !== "") {
    return { code: "APPROVAL_OTHER_WITHDRAWAL", detail: `${key.keyId} signed ${method} ${path}${query}` };
  }
  if (body.length === 0) return { code: "APPROVAL_UNBOUND", detail: key.keyId };
  if (!Buffer.from(body).equals(Buffer.from(JSON.stringify({ requestSha256 })))) {
    return { code: "APPROVAL_OTHER_CONTENT", detail: key.keyId };
  }
  const approver = approvers.get(key.keyId);
  if (approver === undefined) return { code: "APPROVAL_KEY_UNKNOWN", detail: key.keyId };
  if (key.keyId === backendKeyId || approver.publicKey.equals(backendKey)) {
    return { code: "APPROVAL_OWN_REQUEST", detail: key.keyId };
  }
  if (seenAtMs - createdAtMs > maxAgeMs) return { code: "APPROVAL_EXPIRED", detail: key.keyId };
  if (createdAtMs - nowMs > maxAgeMs) return { code: "APPROVAL_FROM_FUTURE", detail: key.keyId };
  return approver;
}

/** A key that is not valid yet is like one that is not listed; one that was is named as revoked or expired. */
function approverTrust({ approvers }: ApprovalRules, nowMs: number): Trust {
  return {
    find: (producer, keyId) => {
      const found = approvers.get(keyId);
      if (producer !== "exchange-backend" || found === undefined || nowMs < found.fromMs) return undefined;
      const { publicKey, untilMs, revoked = false } = found;
      return { producer, keyId, publicKey, revoked, expired: untilMs !== undefined && nowMs >= untilMs };
    },
  };
}

/** Every status that an approval may have, in the order in which it is looked at; the last when there is none to look at. */
export const APPROVAL_MEANINGS: Readonly<Record<ApprovalRefusal["code"], string>> = {
  APPROVAL_SIGNATURE_MISSING: "an approval is not signed",
  APPROVAL_SIGNATURE_MALFORMED: "an approval's signature cannot be read",
  APPROVAL_SIGNATURE_INCOMPLETE: "an approval's signature does not cover what it must",
  APPROVAL_DIGEST_MISSING: "an approval has no digest of its body",
  APPROVAL_DIGEST_MISMATCH: "an approval's digest is of another body",
  APPROVAL_KEY_UNKNOWN: "an approval is signed by a key that is not listed for an approver here, or not yet",
  APPROVAL_KEY_REVOKED: "an approver's key is revoked",
  APPROVAL_KEY_EXPIRED: "the validity of an approver's key has ended",
  APPROVAL_SIGNATURE_INVALID: "an approval's signature does not hold",
  APPROVAL_OTHER_WITHDRAWAL: "a person signed something else than an approval of this withdrawal",
  APPROVAL_UNBOUND: "an approval names the withdrawal and does not say what it is for",
  APPROVAL_OTHER_CONTENT: "an approval is for another amount, address or account under this id",
  APPROVAL_OWN_REQUEST: "the key that requested it cannot approve it",
  APPROVAL_EXPIRED: "an approval was too old when this was judged first",
  APPROVAL_FROM_FUTURE: "an approval is from the future",
  APPROVAL_KEY_TWICE: "one key has approved twice",
  APPROVAL_PERSON_TWICE: "one person has approved with two keys",
  APPROVALS_MISSING: "fewer people have approved than an amount like this needs",
};
