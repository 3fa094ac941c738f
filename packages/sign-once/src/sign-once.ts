// Step 6: the rule that everything ever signed for one withdrawal conflicts on chain, as a pure decision over the past.
import { ok, type Result, refused } from "@sluice/core";

/** What a signature would commit this holder to. */
export type SigningIntent = {
  readonly taskId: string;
  readonly walletId: string;
  readonly transactionId: string;
  /** Outpoints, txid:vout, in the transaction's order. */
  readonly inputs: readonly string[];
  /**
   * `anchor` is the outpoint that the sealed order names as common to all attempts to pay the withdrawal. None for an
   * internal transfer: then no input may be on record at all, and none of its inputs ever again, because it shares no
   * withdrawal with anything. So it cannot keep a payout from confirming, and it is not replaced: a child lifts it.
   */
  readonly withdrawals: readonly { readonly withdrawalId: string; readonly anchor: string }[];
};

/**
 * What a refusal commits this holder to: the task is never signed here. Semi-offline-risk frees its withdrawals' anchors
 * on the word of two holders, so an order that comes once more, to a holder with other caps or another clock by then,
 * must not find another answer.
 */
export type Refused = { readonly taskId: string; readonly refused: string };

/** Every code with which a signature is refused for the sake of an earlier one, in the order of the checks. */
export const SIGN_ONCE_REFUSALS = {
  WITHDRAWAL_DUPLICATE: "a withdrawal is paid once by a transaction",
  TASK_REFUSED_BEFORE: "what was refused stays refused, because its coins may be free again since",
  TRANSACTION_FOR_OTHERS: "a transaction pays the withdrawals for which it was signed first, and no others",
  WITHDRAWAL_ALREADY_SIGNED: "a withdrawal's further transaction spends the anchor of its first",
  ANCHOR_CHANGED: "a withdrawal's anchor is the one recorded with its first signature",
  ANCHOR_MISSING: "a transaction spends the anchor of every withdrawal that it pays",
  INPUT_ALREADY_SIGNED:
    "an input is signed again only to replace a transaction that pays one of the same withdrawals, or beside an anchor of its own when another version does without it",
} as const;

export type SignOnceRefusal = { readonly code: keyof typeof SIGN_ONCE_REFUSALS; readonly detail: string };

/** `first`: the intent has to be recorded before anything is signed. `again`: it is on record, the answer got lost. */
export type SignOnce = "first" | "again";

/** Everything that this holder has put on record, found by transaction, withdrawal and input. */
export class SignedHistory {
  readonly #transactions = new Map<string, SigningIntent>();
  readonly #anchors = new Map<string, string>();
  readonly #spenders = new Map<string, SigningIntent[]>();
  readonly #payers = new Map<string, SigningIntent[]>();
  readonly #refused = new Set<string>();

  add(intent: SigningIntent | Refused): void {
    if ("refused" in intent) {
      this.#refused.add(intent.taskId);
      return;
    }
    if (this.#transactions.has(intent.transactionId)) return;
    this.#transactions.set(intent.transactionId, intent);
    for (const { withdrawalId, anchor } of intent.withdrawals) {
      if (!this.#anchors.has(withdrawalId)) this.#anchors.set(withdrawalId, anchor);
      keep(this.#payers, withdrawalId, intent);
    }
    for (const input of intent.inputs) keep(this.#spenders, input, intent);
  }

  wasRefused(taskId: string): boolean {
    return this.#refused.has(taskId);
  }

  transaction(transactionId: string): SigningIntent | undefined {
    return this.#transactions.get(transactionId);
  }

  anchorOf(withdrawalId: string): string | undefined {
    return this.#anchors.get(withdrawalId);
  }

  spendersOf(input: string): readonly SigningIntent[] {
    return this.#spenders.get(input) ?? [];
  }

  /**
   * Whether another transaction on record pays all that this one pays, and does without the input. An anchor is never
   * spared, since every version spends it; nor is an input of an internal transfer, which has no versions.
   */
  isSpared(input: string, { withdrawals: [first, ...others] }: SigningIntent): boolean {
    if (first === undefined) return false;
    const versions = this.#payers.get(first.withdrawalId) ?? [];
    return versions.some(({ inputs, withdrawals }) => {
      const paid = new Set(withdrawals.map(({ withdrawalId }) => withdrawalId));
      return !inputs.includes(input) && others.every(({ withdrawalId }) => paid.has(withdrawalId));
    });
  }
}

function keep(found: Map<string, SigningIntent[]>, key: string, intent: SigningIntent): void {
  const kept = found.get(key);
  if (kept === undefined) found.set(key, [intent]);
  else kept.push(intent);
}

/**
 * May this holder sign? The first violated rule, in the order of SIGN_ONCE_REFUSALS, refuses. Whatever is permitted
 * spends the anchor of each of its withdrawals, so by induction all that was ever signed for a withdrawal has that
 * outpoint in common and at most one of it confirms. Other inputs may be shared with transactions for others once a version
 * of those does without them (ADR 18): that cannot pay twice, and an anchor is never shared, so that each withdrawal can
 * still be paid from its own.
 */
export function decideSigning(history: SignedHistory, intent: SigningIntent): Result<SignOnce, SignOnceRefusal> {
  const spent = new Set(intent.inputs);
  const paid = new Set(intent.withdrawals.map(({ withdrawalId }) => withdrawalId));
  if (paid.size < intent.withdrawals.length) return refuse("WITHDRAWAL_DUPLICATE", intent.transactionId);

  if (history.wasRefused(intent.taskId)) return refuse("TASK_REFUSED_BEFORE", intent.taskId);

  const same = history.transaction(intent.transactionId);
  if (same !== undefined) {
    return paysTheSame(same, intent) ? ok("again") : refuse("TRANSACTION_FOR_OTHERS", `signed for task ${same.taskId}`);
  }
  for (const { withdrawalId, anchor } of intent.withdrawals) {
    const recorded = history.anchorOf(withdrawalId);
    if (recorded === undefined || recorded === anchor) continue;
    return spent.has(recorded)
      ? refuse("ANCHOR_CHANGED", `${withdrawalId} has ${recorded}, the order names ${anchor}`)
      : refuse("WITHDRAWAL_ALREADY_SIGNED", `${withdrawalId} has ${recorded}, which is not spent`);
  }
  const unanchored = intent.withdrawals.find(({ anchor }) => !spent.has(anchor));
  if (unanchored !== undefined) return refuse("ANCHOR_MISSING", `${unanchored.withdrawalId} has ${unanchored.anchor}`);

  const anchors = new Set(intent.withdrawals.map(({ anchor }) => anchor));
  for (const input of intent.inputs) {
    const foreign = history
      .spendersOf(input)
      .find(
        (earlier) =>
          !earlier.withdrawals.some(({ withdrawalId }) => paid.has(withdrawalId)) &&
          (paid.size === 0 || anchors.has(input) || !history.isSpared(input, earlier)),
      );
    if (foreign !== undefined) return refuse("INPUT_ALREADY_SIGNED", `${input} in ${foreign.transactionId}`);
  }
  return ok("first");
}

function paysTheSame(left: SigningIntent, right: SigningIntent): boolean {
  const of = ({ inputs, withdrawals }: SigningIntent) =>
    JSON.stringify([inputs, withdrawals.map(({ withdrawalId, anchor }) => [withdrawalId, anchor]).toSorted()]);
  return of(left) === of(right);
}

function refuse(code: SignOnceRefusal["code"], detail: string): Result<never, SignOnceRefusal> {
  return refused({ code, detail: `${SIGN_ONCE_REFUSALS[code]}: ${detail}` });
}
