// A person says that a withdrawal has failed. The chain has to prove it, and a second person to say the same; then it is so.
import {
  type FailureRequest,
  failurePath,
  failureRequestSchema,
  type Sealer,
  type SignedRequest,
} from "@sluice/contracts";
import { decide, ok, proveConflict, type Result } from "@sluice/core";
import { type ApiKey, type ApiKeys, type ApiRefusal, isSameHand, refuse } from "@sluice/gate";
import { announce } from "@sluice/online-service";
import type { Transaction } from "@sluice/postgres";
import {
  type FailureWord,
  loadConflictEnvelope,
  loadFailing,
  loadFailureRequests,
  type Stored,
  saveFailureWord,
} from "@sluice/risk-memory";
import { apply, change } from "./progress.ts";

/** So many people say it, each with a key and a signed request of their own. */
export const PEOPLE_TO_FAIL = 2;

export type Saying = {
  readonly key: ApiKey;
  readonly signed: SignedRequest;
  readonly asked: FailureRequest;
  readonly nowMs: number;
};

/**
 * Checked in this order: that its state allows it, that the proof is complete now, that who asks is not one person twice.
 * A refusal keeps nothing. `stored` is locked.
 */
export async function sayFailed(
  tx: Transaction,
  { sealer, apiKeys }: { readonly sealer: Sealer; readonly apiKeys: ApiKeys },
  stored: Stored,
  { key, signed, asked, nowMs }: Saying,
): Promise<Result<null, ApiRefusal>> {
  if (stored.state === "failed") return ok(null);
  // What others are to verify has to be exactly this request.
  if (signed.path !== failurePath(stored.id) || signed.query !== "") {
    return refuse(400, "QUERY_UNEXPECTED", `the request target has to be exactly ${failurePath(stored.id)}`);
  }
  if (!failureRequestSchema.safeParse(asked).success) return refuse(422, "FIELD_INVALID", "the body is malformed");
  const { facts, words } = await loadFailing(tx, stored.id);
  const proof = proveConflict(facts, asked.conflictingTransactionId);
  if (!proof.ok) return refuse(409, proof.refusal.code, proof.refusal.detail);
  const decided = decide({ type: "fail", nowMs, by: key.keyId, proof: proof.value }, stored);
  if (!decided.ok) return { ok: false, refusal: { status: 409, ...decided.refusal } };
  const others = words.filter((word) => word.conflictingTransactionId === asked.conflictingTransactionId);
  if (others.some(({ keyId }) => keyId !== key.keyId && isSameHand(apiKeys, keyId, key.keyId))) {
    return refuse(403, "SAME_PERSON", "this person has said so with another key");
  }
  const word: FailureWord = { keyId: key.keyId, ...asked, saidAtMs: nowMs };
  await saveFailureWord(tx, stored.id, word, signed);
  const said = [...others.filter(({ keyId }) => keyId !== key.keyId), word];
  if (said.length < PEOPLE_TO_FAIL) {
    const detail = `${wordingOf(word)} asks for it to be given up; a second person has to`;
    await change(tx, sealer, { ...stored, detail, changedAtMs: nowMs });
    return ok(null);
  }
  const { spentOutpoint, conflictingTxid, confirmations } = proof.value;
  const detail = `failed by ${said.map(wordingOf).join(" and ")}; ${conflictingTxid} has spent ${spentOutpoint} and has ${confirmations} confirmations`;
  const failed = await apply(tx, sealer, stored, decided.value, { detail });
  await announce(tx, sealer, "withdrawal.failed.v1", {
    id: `${failed.id}/failed`,
    key: failed.id,
    occurredAtMs: nowMs,
    message: {
      ...{ withdrawalId: failed.id, account: failed.account, asset: failed.asset, failedAtMs: nowMs },
      ...{ amountMinor: `${failed.amountMinor}`, outpoint: spentOutpoint, conflictingTransactionId: conflictingTxid },
      conflict: await loadConflictEnvelope(tx, spentOutpoint, conflictingTxid),
      requests: await loadFailureRequests(
        tx,
        failed.id,
        said.map(({ keyId }) => keyId),
      ),
    },
  });
  return ok(null);
}

function wordingOf({ keyId, reason }: FailureWord): string {
  return `${keyId} (${reason})`;
}
