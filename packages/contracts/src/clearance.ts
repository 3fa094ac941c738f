// A clearance is the sealed withdrawal.cleared envelope: it holds the backend's signed request, so both seals that a
// payment needs (DESIGN: two seals from two places) are checked from one piece of bytes.
import type { KeyObject } from "node:crypto";
import type { Result } from "@sluice/core";
import { sha256Hex } from "./approvals.ts";
import { open, type SealRefusal } from "./seal.ts";
import { type SignatureRefusal, type SignedRequest, verifyRequest } from "./signed-request.ts";
import type { Trust } from "./trust.ts";
import { parseWithdrawalRequest, type WithdrawalRequest } from "./withdrawal-request.ts";

export type Clearance = {
  /** From the body that the backend signed, never from what online-risk or vault say of it. */
  readonly request: WithdrawalRequest;
  /** Of the exact body that the backend signed. */
  readonly requestSha256: string;
  readonly backendKeyId: string;
  readonly backendKey: KeyObject;
  /** What people signed to let it go, as online-risk passes it on: nothing of it is verified yet (judgeApprovals). */
  readonly approvals: readonly SignedRequest[];
  readonly requestedAtMs: number;
  readonly clearedAtMs: number;
  /** The envelope exactly as it came. */
  readonly envelope: Uint8Array;
};

export type ClearanceRefusal =
  | SealRefusal
  | { readonly code: `REQUEST_${SignatureRefusal["code"]}`; readonly detail: string }
  | { readonly code: "REQUEST_NOT_A_WITHDRAWAL" | "REQUEST_MALFORMED" | "CLEARANCE_MISMATCH"; readonly detail: string };

/** Verifies online-risk's seal, the backend's signature inside it, and that both speak of the same withdrawal. */
export function verifyClearance(trust: Trust, envelope: Uint8Array): Result<Clearance, ClearanceRefusal> {
  const opened = open(trust, envelope, ["withdrawal.cleared.v1"]);
  if (!opened.ok) return opened;
  const { message } = opened.value;
  const verified = verifyRequest(trust, message.request);
  if (!verified.ok) return refuse(`REQUEST_${verified.refusal.code}`, verified.refusal.detail);
  if (message.request.method !== "POST" || message.request.path !== "/v1/withdrawals" || message.request.query !== "") {
    return refuse("REQUEST_NOT_A_WITHDRAWAL", `${message.request.method} ${message.request.path}`);
  }
  const parsed = parseWithdrawalRequest(message.request.body);
  if (!parsed.ok) return refuse("REQUEST_MALFORMED", parsed.refusal.map((f) => `${f.field} ${f.rule}`).join("; "));
  if (parsed.value.id !== message.withdrawalId) {
    return refuse("CLEARANCE_MISMATCH", `the request is ${parsed.value.id}, the clearance ${message.withdrawalId}`);
  }
  const { key, createdAtMs } = verified.value;
  const request = parsed.value;
  return {
    ok: true,
    value: {
      ...{ request, requestSha256: sha256Hex(message.request.body), approvals: message.approvals ?? [], envelope },
      ...{ backendKeyId: key.keyId, backendKey: key.publicKey },
      ...{ requestedAtMs: createdAtMs, clearedAtMs: message.clearedAtMs },
    },
  };
}

function refuse(code: ClearanceRefusal["code"], detail: string): { ok: false; refusal: ClearanceRefusal } {
  return { ok: false, refusal: { code, detail } as ClearanceRefusal };
}
