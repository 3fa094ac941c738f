// Step 6: signing.ordered.v1. Check everything again, write it down, and only then sign.
import type { Wallet } from "@sluice/chains";
import { accountKeyFromXpub, type InputSignature, signPayout } from "@sluice/chains/signing";
import { type MessageOf, type OpenedOf, type Sealer, seal } from "@sluice/contracts";
import { ok, type Result, refused } from "@sluice/core";
import type { SecretKey } from "@sluice/keys";
import { decideSigning, type Journal, type SignOnce } from "@sluice/sign-once";
import {
  type HolderPolicy,
  type HolderRefusal,
  judgeAge,
  judgeApproved,
  judgeOrder,
  type Order,
  type SoundOrder,
} from "../judge-order.ts";

export type Holder = {
  readonly policy: HolderPolicy;
  readonly journal: Journal;
  /** One for each wallet. */
  readonly keys: readonly SecretKey[];
  readonly sealer: Sealer;
  readonly now: () => number;
};

export type Answered = {
  /** The sealed answer for semi-offline-risk. */
  readonly envelope: Uint8Array;
  /** For log and metrics: what the journal said, or the code of the refusal. */
  readonly outcome: SignOnce | HolderRefusal["code"];
};

/**
 * Answers one order. Nothing in here waits, so no other order comes between the journal's decision and its record.
 * @throws JournalError or SigningError: the process has to end, and nothing was let out
 */
export function answerOrder(opened: OpenedOf<"signing.ordered.v1">, holder: Holder): Answered {
  const order = opened.message;
  const signed = signOrder(order, holder);
  const answer: MessageOf<"signing.answered.v1">["answer"] = signed.ok
    ? { case: "signatures", value: { inputs: signed.value.inputs } }
    : { case: "refusal", value: signed.refusal };
  const { taskId, round, transactionId } = order;
  const envelope = seal(holder.sealer, "signing.answered.v1", {
    // The same order answered in the same way is the same message.
    id: `${taskId}/${round}/${answer.case}`,
    key: order.walletId,
    occurredAtMs: holder.now(),
    message: { taskId, round, transactionId, answer },
  });
  return { envelope, outcome: signed.ok ? signed.value.outcome : signed.refusal.code };
}

type Signed = { readonly outcome: SignOnce; readonly inputs: readonly WireSignature[] };
type WireSignature = { readonly input: number; readonly publicKey: Uint8Array; readonly signature: Uint8Array };

function signOrder(order: Order, holder: Holder): Result<Signed, HolderRefusal> {
  const { journal, keys, now } = holder;
  const decided = decideOrder(order, holder);
  if (!decided.ok) return refuseForGood(order, decided.refusal, holder);
  const { wallet, decoded, intent, outcome } = decided.value;
  const own = keyOfWallet(wallet, keys);
  // On disk and synced before the first signature exists.
  if (outcome === "first") journal.append({ ...intent, atMs: now() });
  const sign = (tweak: Uint8Array, digest: Uint8Array) => own.key.sign(tweak, digest);
  const { signatures } = signPayout(decoded, wallet.descriptor, own.fingerprint, sign);
  return ok({ outcome, inputs: signatures.map(toWire) });
}

function decideOrder(
  order: Order,
  { policy, journal, now }: Holder,
): Result<SoundOrder & { readonly outcome: SignOnce }, HolderRefusal> {
  const judged = judgeOrder(order, policy);
  if (!judged.ok) return judged;
  const decision = decideSigning(journal.history, judged.value.intent);
  if (!decision.ok) return refused({ code: decision.refusal.code, reason: decision.refusal.detail });
  const { cleared } = judged.value;
  const wasSigned = (withdrawalId: string) => journal.history.anchorOf(withdrawalId) !== undefined;
  const unsigned = cleared.filter(({ withdrawalId }) => !wasSigned(withdrawalId));
  const fresh = judgeAge(unsigned, policy.caps, now());
  if (!fresh.ok) return fresh;
  const approved = judgeApproved(cleared, policy.caps, wasSigned, now());
  return approved.ok ? ok({ ...judged.value, outcome: decision.value }) : approved;
}

/**
 * A refusal frees coins elsewhere, so it stands for good and is on disk before it is said. That this very transaction
 * was signed before, under caps or a clock that let it pass, is said with it: then nothing may be freed.
 */
function refuseForGood(
  order: Order,
  refusal: HolderRefusal,
  { policy, journal, now }: Holder,
): Result<never, HolderRefusal & { readonly signedBefore: boolean }> {
  const { taskId, holder, transactionId } = order;
  const signedBefore = journal.history.transaction(transactionId) !== undefined;
  const own = holder === policy.holder && !signedBefore && !journal.history.wasRefused(taskId);
  if (own) journal.append({ taskId, refused: refusal.code, atMs: now() });
  return refused({ ...refusal, signedBefore });
}

/** Of this holder's keys the one that stands in the wallet's descriptor, and the fingerprint that it has there. */
function keyOfWallet(wallet: Wallet, keys: readonly SecretKey[]) {
  for (const key of keys) {
    const fingerprint = fingerprintOfKey(wallet, key.publicKey);
    if (fingerprint !== null) return { key, fingerprint };
  }
  throw new Error("a wallet is served only when one of the keys is one of its holders'");
}

/** By which holder of the wallet this public key stands in its descriptor; null when it stands there for none. */
export function fingerprintOfKey({ descriptor }: Wallet, publicKey: Uint8Array): string | null {
  const own = descriptor.holders.find(({ fingerprint }) =>
    Buffer.from(accountKeyFromXpub(descriptor, fingerprint).publicKey).equals(publicKey),
  );
  return own?.fingerprint ?? null;
}

function toWire({ inputIndex, publicKey, signature }: InputSignature): WireSignature {
  return { input: inputIndex, publicKey, signature };
}
