// The ledger: double entry in minor units. Every transfer sums to zero per asset; a payout is booked exactly once.
import type { Asset } from "./amount.ts";
import type { AccountId, WithdrawalId } from "./ids.ts";
import { type Refusal, refusal } from "./refusals.ts";
import { ok, type Result, refused, unreachable } from "./result.ts";

/**
 * Debits are positive, credits negative. `hot-wallet` (coins held) and `network-fees` (spent) stand positive;
 * `customer:<account>` (what the customer is owed), `in-flight` (owed, and on its way) and `withdrawal-fees` (what customers
 * were charged) stand negative.
 */
export type LedgerAccount = `customer:${string}` | "in-flight" | "hot-wallet" | "network-fees" | "withdrawal-fees";

export function customerAccount(account: AccountId): LedgerAccount {
  return `customer:${account}`;
}

export type Entry = { readonly account: LedgerAccount; readonly asset: Asset; readonly amountMinor: bigint };

export type TransferKind =
  | "deposited"
  | "payout-pending"
  | "payout-posted"
  | "payout-voided"
  | "network-fee"
  | "withdrawal-fee"
  | "reversed";

/** The id is the same whenever the same thing is booked, so that a store can refuse the second one. */
export type Transfer = { readonly id: string; readonly kind: TransferKind; readonly entries: readonly Entry[] };

export type Payout = {
  readonly withdrawalId: WithdrawalId;
  readonly account: AccountId;
  readonly asset: Asset;
  readonly amountMinor: bigint;
};

/** Step 9. What the customer is owed goes on its way. */
export function payoutPending(payout: Payout): Transfer {
  return payoutTransfer("payout-pending", payout, customerAccount(payout.account), "in-flight");
}

/** Step 11. What was on its way has left the hot wallet. */
export function payoutPosted(payout: Payout): Transfer {
  return payoutTransfer("payout-posted", payout, "in-flight", "hot-wallet");
}

/** What was on its way is owed to the customer again. */
export function payoutVoided(payout: Payout): Transfer {
  return payoutTransfer("payout-voided", payout, "in-flight", customerAccount(payout.account));
}

/** The fee of one transaction on the chain, booked once for all the payouts that it carries. */
export function networkFee(txid: string, asset: Asset, feeMinor: bigint): Transfer {
  return transfer(`network-fee:${txid}`, "network-fee", asset, "network-fees", "hot-wallet", feeMinor);
}

/** What the customer was quoted for a withdrawal, beside its amount; booked once, when it is paid. */
export function withdrawalFee({ withdrawalId, account, asset }: Payout, feeMinor: bigint): Transfer {
  const from = customerAccount(account);
  return transfer(`withdrawal-fee:${withdrawalId}`, "withdrawal-fee", asset, from, "withdrawal-fees", feeMinor);
}

/** Coins come into the hot wallet and are owed to a customer. `reference` names where they came from. */
export function deposited(reference: string, account: AccountId, asset: Asset, amountMinor: bigint): Transfer {
  return transfer(`deposited:${reference}`, "deposited", asset, "hot-wallet", customerAccount(account), amountMinor);
}

export type PayoutStanding = "pending" | "posted" | "voided";

/** A payout as it stands in the books; the store keeps one per withdrawal. */
export type BookedPayout = Payout & { readonly standing: PayoutStanding };

export type PayoutCommand = { readonly type: "pend" | "post" | "void" | "reopen"; readonly payout: Payout };

export type PayoutRefusal = Refusal<
  "PAYOUT_MISMATCH" | "PAYOUT_NOT_POSTED" | "PAYOUT_ALREADY_POSTED" | "PAYOUT_ALREADY_VOIDED"
>;

export type PayoutDecision = {
  readonly transfers: readonly Transfer[];
  /** What is booked back; see `standingOf`. */
  readonly reversed: readonly Transfer[];
  readonly standing: PayoutStanding;
};

/**
 * Which transfers a command books, and how the payout stands afterwards. No transfer: it is booked already. A posting or
 * a voiding that arrives before its pending books both, so that the order of the two facts does not matter. A posted payout whose
 * block left the best chain is re-opened: it is on its way again, as it truly is.
 */
export function decidePayout(
  command: PayoutCommand,
  booked: BookedPayout | null,
): Result<PayoutDecision, PayoutRefusal> {
  const { payout } = command;
  const reversed: readonly Transfer[] = [];
  const standing = booked?.standing ?? null;
  if (booked !== null && !samePayout(booked, payout)) return refused(refusal("PAYOUT_MISMATCH"));
  switch (command.type) {
    case "pend":
      if (standing !== null) return ok({ transfers: [], reversed, standing });
      return ok({ transfers: [payoutPending(payout)], reversed, standing: "pending" });
    case "post":
      if (standing === "voided") return refused(refusal("PAYOUT_ALREADY_VOIDED"));
      if (standing === "posted") return ok({ transfers: [], reversed, standing });
      if (standing === "pending") return ok({ transfers: [payoutPosted(payout)], reversed, standing: "posted" });
      return ok({ transfers: [payoutPending(payout), payoutPosted(payout)], reversed, standing: "posted" });
    case "void":
      if (standing === "posted") return refused(refusal("PAYOUT_ALREADY_POSTED"));
      if (standing === "voided") return ok({ transfers: [], reversed, standing });
      if (standing === "pending") return ok({ transfers: [payoutVoided(payout)], reversed, standing: "voided" });
      return ok({ transfers: [payoutPending(payout), payoutVoided(payout)], reversed, standing: "voided" });
    case "reopen":
      if (standing === "pending") return ok({ transfers: [], reversed, standing });
      if (standing !== "posted") return refused(refusal("PAYOUT_NOT_POSTED"));
      return ok({ transfers: [], reversed: [payoutPosted(payout)], standing: "pending" });
    default:
      return unreachable(command.type);
  }
}

/**
 * The transfer that makes another one stand, or stand no longer, when that has changed `changes` times; null when there is
 * nothing to do. Nothing is ever deleted: what is booked back is booked with the signs turned round, and what comes again
 * is booked again, each under an id of its own.
 */
export function standingOf(booked: Transfer, changes: number, stands: boolean): Transfer | null {
  if ((changes % 2 === 1) === stands) return null;
  const round = Math.floor(changes / 2) + 1;
  const about = booked.id.slice(booked.kind.length);
  const name = round === 1 ? booked.kind : `${booked.kind}.${round}`;
  if (stands) return { ...booked, id: `${name}${about}` };
  const entries = booked.entries.map((entry) => ({ ...entry, amountMinor: -entry.amountMinor }));
  return { id: `reversed-${name}${about}`, kind: "reversed", entries };
}

/** Balances are keyed by account and asset, as `balanceKey` writes them; what was never booked is absent. */
export type Balances = ReadonlyMap<string, bigint>;

export function balanceKey(account: LedgerAccount, asset: Asset): string {
  return `${asset} ${account}`;
}

export function balanceOf(balances: Balances, account: LedgerAccount, asset: Asset): bigint {
  return balances.get(balanceKey(account, asset)) ?? 0n;
}

/** Folds one transfer into the balances. Throws on one that does not sum to zero: such a thing is never booked. */
export function book(balances: Balances, booked: Transfer): Balances {
  assertBalanced(booked);
  const next = new Map(balances);
  for (const { account, asset, amountMinor } of booked.entries) {
    const key = balanceKey(account, asset);
    next.set(key, (next.get(key) ?? 0n) + amountMinor);
  }
  return next;
}

/** Throws unless the entries sum to zero for every asset and there are at least two of them. */
export function assertBalanced({ id, entries }: Transfer): void {
  const sums = new Map<Asset, bigint>();
  for (const { asset, amountMinor } of entries) sums.set(asset, (sums.get(asset) ?? 0n) + amountMinor);
  const balanced = entries.length >= 2 && [...sums.values()].every((sum) => sum === 0n);
  if (!balanced) throw new Error(`transfer ${id} does not sum to zero`);
}

function payoutTransfer(kind: TransferKind, payout: Payout, debit: LedgerAccount, credit: LedgerAccount): Transfer {
  return transfer(`${kind}:${payout.withdrawalId}`, kind, payout.asset, debit, credit, payout.amountMinor);
}

function transfer(
  id: string,
  kind: TransferKind,
  asset: Asset,
  debit: LedgerAccount,
  credit: LedgerAccount,
  amountMinor: bigint,
): Transfer {
  if (amountMinor <= 0n) throw new RangeError(`transfer ${id} moves no amount above zero`);
  const entries: readonly Entry[] = [
    { account: debit, asset, amountMinor },
    { account: credit, asset, amountMinor: -amountMinor },
  ];
  return { id, kind, entries };
}

function samePayout(left: Payout, right: Payout): boolean {
  return (
    left.withdrawalId === right.withdrawalId &&
    left.account === right.account &&
    left.asset === right.asset &&
    left.amountMinor === right.amountMinor
  );
}
