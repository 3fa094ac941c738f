// What may be done with a version of the policy, by whom: pure, in the order in which it is asked.
import type { StoredVersion } from "@sluice/active-policy";
import { type ApiRefusal, refuse } from "@sluice/gate";

/** Who asks. */
export type Hand = {
  readonly keyId: string;
  readonly person: string | null;
  /** Null: all accounts. */
  readonly accounts: readonly string[] | null;
};

/** Undefined: it is done. Known: it was done before, by the same hand, and nothing is to be done again. */
export type Answer =
  | { readonly kind: "do" }
  | { readonly kind: "known" }
  | { readonly kind: "no"; readonly why: ApiRefusal };

const DO: Answer = { kind: "do" };
const KNOWN: Answer = { kind: "known" };

/** The policy is everybody's: a key for some accounts has no say in it, and one that is nobody's cannot be told from another. */
export function mayDecide({ person, accounts }: Hand): Answer {
  if (accounts !== null) return no(403, "ACCOUNT_NOT_PERMITTED", "the policy is for keys that see all accounts");
  if (person === null) return no(403, "PERSON_UNKNOWN", "it is not known whose key this is: its row names no person");
  return DO;
}

/** @param isOneHand whether the proposer's key and this one are the same person's, as far as the keys of today say */
export function mayActivate(
  stored: StoredVersion,
  activeVersion: number,
  hand: Hand,
  seenSha256: string,
  isOneHand: boolean,
): Answer {
  const { state, sha256, decision, proposedBy, person, basedOn, version } = stored;
  if (sha256 !== seenSha256) {
    return no(409, "POLICY_DIFFERS", `version ${version} has the SHA-256 ${sha256}, and another one was read`);
  }
  if (state === "active" && decision?.by === hand.keyId) return KNOWN;
  if (state !== "proposed") return no(409, "POLICY_NOT_PROPOSED", `version ${version} is ${state}`);
  if (proposedBy === hand.keyId || person === hand.person || isOneHand) {
    return no(403, "SAME_PERSON", "whoever proposed it does not activate it");
  }
  if (basedOn !== activeVersion) {
    const detail = `it was proposed against version ${basedOn}, and ${activeVersion} is active: it has to be proposed anew`;
    return no(409, "POLICY_OUTDATED", detail);
  }
  return DO;
}

/** Taking back is easy: any person who may propose. */
export function mayWithdraw({ state, version }: StoredVersion): Answer {
  if (state === "withdrawn") return KNOWN;
  return state === "proposed" ? DO : no(409, "POLICY_NOT_PROPOSED", `version ${version} is ${state}`);
}

function no(status: ApiRefusal["status"], code: string, detail: string): Answer {
  return { kind: "no", why: refuse(status, code, detail).refusal };
}
