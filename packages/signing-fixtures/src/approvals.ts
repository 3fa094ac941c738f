// People who approve withdrawals, each with a key or several, and what they sign.
import { generateKeyPairSync, type KeyObject } from "node:crypto";
import {
  type ApproverFile,
  approvalBody,
  approvalPath,
  type RequestParts,
  type SignedRequest,
  signRequest,
  type WithdrawalRequest,
} from "@sluice/contracts";

export type ApproverKey = { readonly keyId: string; readonly privateKey: KeyObject; readonly entry: ApproverFile };

/** A key whose id is the person's name and a number: "ann-1". */
export function makeApprover(keyId: string, changes: Partial<ApproverFile> = {}): ApproverKey {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  const raw = publicKey.export({ format: "der", type: "spki" }).subarray(-32).toString("base64");
  const person = keyId.replace(/-[0-9]+$/, "");
  return { keyId, privateKey, entry: { keyId, person, publicKey: raw, fromMs: 0, ...changes } };
}

/** What somebody signs who approves this request, unless other parts are named. */
export function approve(
  signer: Pick<ApproverKey, "keyId" | "privateKey">,
  body: WithdrawalRequest,
  createdAtMs: number,
  changes: Partial<RequestParts> = {},
): SignedRequest {
  const parts: RequestParts = {
    ...{ method: "POST", authority: "sluice.example", path: approvalPath(body.id), query: "" },
    ...{ contentType: "application/json", body: approvalBody(Buffer.from(JSON.stringify(body))) },
    ...changes,
  };
  return signRequest(parts, signer, { createdAtMs, nonce: `nonce-of-${signer.keyId}-${body.id}` });
}
