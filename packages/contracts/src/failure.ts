// A failure is the sealed withdrawal.failed envelope: it holds what two people signed and what the gateway sealed about the
// chain, so whoever acts on it checks both again and believes nobody alone.
import { type Asset, ok, parseAsset, type Result } from "@sluice/core";
import { z } from "zod";
import type { SpentElsewhere } from "./conflict-shapes.ts";
import { type OpenedOf, open, type SealRefusal } from "./seal.ts";
import { type SignatureRefusal, type SignedRequest, verifyRequest } from "./signed-request.ts";
import type { Trust } from "./trust.ts";

/** The body of POST /v1/withdrawals/{id}/failure. */
export const failureRequestSchema = z
  .strictObject({
    conflictingTransactionId: z
      .string()
      .regex(/^[0-9a-f]{64}$/, "must be 64 lower-case hexadecimal digits")
      .describe("The transaction that has spent what this withdrawal's transactions spend. Look at it yourself first."),
    reason: z.string().trim().min(1).max(500).describe("Why it is given up, for the record."),
  })
  .readonly();

export type FailureRequest = z.infer<typeof failureRequestSchema>;

export function failurePath(withdrawalId: string): string {
  return `/v1/withdrawals/${withdrawalId}/failure`;
}

export type Failure = {
  readonly withdrawalId: string;
  readonly account: string;
  readonly asset: Asset;
  readonly amountMinor: bigint;
  /** Ours, which can never confirm. */
  readonly transactionId: string;
  readonly conflictingTransactionId: string;
  /** Everything of ours that others have spent in a block, by the gateway's word. */
  readonly spent: readonly SpentElsewhere[];
  readonly keyIds: readonly string[];
  readonly failedAtMs: number;
};

export type FailureRefusal =
  | SealRefusal
  | { readonly code: `REQUEST_${SignatureRefusal["code"]}`; readonly detail: string }
  | {
      readonly code: "ASSET_UNKNOWN" | "REQUEST_NOT_A_FAILURE" | "REQUESTS_OF_ONE_KEY" | "CONFLICT_NOT_PROVEN";
      readonly detail: string;
    };

/** Verifies online-risk's seal, each person's signature, the gateway's seal, and that all of them speak of the same. */
export function verifyFailure(trust: Trust, envelope: Uint8Array): Result<Failure, FailureRefusal> {
  const opened = open(trust, envelope, ["withdrawal.failed.v1"]);
  if (!opened.ok) return opened;
  const { message } = opened.value;
  const { withdrawalId, account, conflictingTransactionId, failedAtMs } = message;
  const asset = parseAsset(message.asset);
  if (!asset.ok) return refuse("ASSET_UNKNOWN", message.asset);
  const keyIds: string[] = [];
  for (const request of message.requests) {
    const verified = verifyRequest(trust, request);
    if (!verified.ok) return refuse(`REQUEST_${verified.refusal.code}`, verified.refusal.detail);
    if (!asksFor(request, withdrawalId, conflictingTransactionId)) {
      return refuse("REQUEST_NOT_A_FAILURE", `${request.method} ${request.path} of ${verified.value.key.keyId}`);
    }
    keyIds.push(verified.value.key.keyId);
  }
  if (keyIds.length < 2 || new Set(keyIds).size !== keyIds.length)
    return refuse("REQUESTS_OF_ONE_KEY", keyIds.join(", "));
  const conflict = open(trust, message.conflict, ["transaction.conflicted.v1"]);
  if (!conflict.ok) return conflict;
  const { spent = [], transactionId } = conflict.value.message;
  const proof = spent.find(
    (each) => each.outpoint === message.outpoint && each.transactionId === conflictingTransactionId,
  );
  if (proof === undefined || !isBuried(proof, conflict.value.message)) {
    return refuse("CONFLICT_NOT_PROVEN", `the gateway does not say that ${conflictingTransactionId} is final`);
  }
  return ok({
    ...{ withdrawalId, account, asset: asset.value, amountMinor: BigInt(message.amountMinor), transactionId },
    ...{ conflictingTransactionId, spent: spent.filter(({ blockHash }) => blockHash !== ""), keyIds, failedAtMs },
  });
}

function asksFor({ method, path, query, body }: SignedRequest, withdrawalId: string, conflicting: string): boolean {
  if (method !== "POST" || path !== failurePath(withdrawalId) || query !== "") return false;
  const asked = failureRequestSchema.safeParse(parseJson(body));
  return asked.success && asked.data.conflictingTransactionId === conflicting;
}

function parseJson(body: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(body).toString("utf8"));
  } catch {
    return undefined;
  }
}

function isBuried(
  { own, blockHash, confirmations }: SpentElsewhere,
  { requiredConfirmations = 0 }: OpenedOf<"transaction.conflicted.v1">["message"],
): boolean {
  return !own && blockHash !== "" && requiredConfirmations >= 1 && confirmations >= requiredConfirmations;
}

function refuse(code: FailureRefusal["code"], detail: string): { ok: false; refusal: FailureRefusal } {
  return { ok: false, refusal: { code, detail } as FailureRefusal };
}
