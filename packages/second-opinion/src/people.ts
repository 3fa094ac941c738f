// The people of a bundle, and what they sign at a console: a release or a veto of one transaction of one task. Pure.
import { type KeyObject, sign, verify } from "node:crypto";
import { ed25519PublicKey } from "@sluice/contracts";
import { ok, type Result, refused } from "@sluice/core";
import type { RegisteredPerson } from "./bundle-content.ts";

const DOMAIN = "sluice/decision/v1";

export type Decision = {
  readonly kind: "release" | "veto";
  readonly taskId: string;
  readonly transactionId: string;
  readonly person: string;
};

export type Person = Omit<RegisteredPerson, "publicKey"> & { readonly publicKey: KeyObject };

export type People = ReadonlyMap<string, Person>;

export const DECISION_REFUSALS = {
  PERSON_UNKNOWN: "the bundle in force names this person",
  PERSON_REVOKED: "the person's key is not revoked",
  PERSON_NOT_VALID: "the person's key is within its validity",
  ROLE_MISSING: "the person may decide this",
  DECISION_SIGNATURE_WRONG: "the person's key has signed exactly this decision",
} as const;

export type DecisionRefusal = { readonly code: keyof typeof DECISION_REFUSALS; readonly detail: string };

export function signDecision(decision: Decision, privateKey: KeyObject): Uint8Array {
  return sign(null, decisionBytes(decision), privateKey);
}

/** In the order of the table. Never throws, whatever the signature is. */
export function verifyDecision(
  people: People,
  decision: Decision,
  signature: Uint8Array,
  nowMs: number,
): Result<Person, DecisionRefusal> {
  const person = people.get(decision.person);
  if (person === undefined) return refuse("PERSON_UNKNOWN");
  if (person.revoked === true) return refuse("PERSON_REVOKED");
  if (!isWithin(person, nowMs)) return refuse("PERSON_NOT_VALID");
  if (!person.roles.includes(decision.kind)) return refuse("ROLE_MISSING");
  const holds = signature.length === 64 && verify(null, decisionBytes(decision), person.publicKey, signature);
  return holds ? ok(person) : refuse("DECISION_SIGNATURE_WRONG");
}

export function isWithin(
  { fromMs, untilMs }: { readonly fromMs: number; readonly untilMs?: number | undefined },
  nowMs: number,
): boolean {
  return nowMs >= fromMs && (untilMs === undefined || nowMs < untilMs);
}

export function readPeople(list: readonly RegisteredPerson[]): {
  readonly people: People;
  readonly faults: readonly { readonly name: string; readonly rule: string }[];
} {
  const read = list.map(({ publicKey, ...rest }) => ({
    ...rest,
    publicKey: ed25519PublicKey(Buffer.from(publicKey, "base64")),
  }));
  const shared = new Set(list.map(({ publicKey }) => publicKey)).size < list.length;
  const faults = shared ? [{ name: "people", rule: "has one key for two people" }] : [];
  return { people: new Map(read.map((person) => [person.name, person])), faults };
}

/** Lengths in front: no two decisions are the same bytes. */
function decisionBytes({ kind, taskId, transactionId, person }: Decision): Buffer {
  const parts = [DOMAIN, kind, taskId, transactionId, person].map((text) => {
    const bytes = Buffer.from(text, "utf8");
    const length = Buffer.alloc(4);
    length.writeUInt32BE(bytes.length);
    return Buffer.concat([length, bytes]);
  });
  return Buffer.concat(parts);
}

function refuse(code: DecisionRefusal["code"]): { ok: false; refusal: DecisionRefusal } {
  return refused({ code, detail: `not so: ${DECISION_REFUSALS[code]}` });
}
