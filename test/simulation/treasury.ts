// Treasury with its real decisions (decidePayout and the ledger): steps 9 and 11, in whatever order they are heard of.
import {
  type AccountId,
  type Balances,
  type BookedPayout,
  balanceOf,
  book,
  decidePayout,
  deposited,
  networkFee,
  type Payout,
  type PayoutStanding,
  type Transfer,
  type WithdrawalId,
} from "@sluice/core";
import { type Attempted, type Effect, type Kafka, type Message, NOTHING, Parked, Service } from "./kafka.ts";
import type { Tx, World } from "./world.ts";

type Booked = BookedPayout & { readonly postedBy: string | null };
type Known = { signed: { readonly tx: Tx; readonly withdrawals: readonly Attempted[] } | null; confirmed: boolean };

export class Treasury extends Service {
  readonly payouts = new Map<string, Booked>();
  readonly #transactions = new Map<string, Known>();
  readonly #transferIds = new Set<string>();
  readonly #coins = new Set<string>();
  balances: Balances = new Map();

  constructor(world: World, kafka: Kafka) {
    super(world, "treasury", ["transaction.signed", "transaction.confirmed", "coin.observed"], kafka);
  }

  protected forget(): void {}

  balance(account: "in-flight" | "hot-wallet" | "network-fees"): bigint {
    return balanceOf(this.balances, account, "BTC");
  }

  protected handle(message: Message): Effect {
    switch (message.topic) {
      case "transaction.signed": {
        const { tx, withdrawals } = message.body;
        const known = this.#known(tx.txid);
        const decided = withdrawals.map(({ withdrawalId }) =>
          this.#decide(tx.txid, known.confirmed ? "post" : "pend", this.#payoutOf(withdrawalId)),
        );
        return this.#all(decided, known.confirmed ? tx : null, () => {
          known.signed = { tx, withdrawals };
        });
      }
      case "transaction.confirmed": {
        const known = this.#known(message.body.txid);
        const { signed } = known;
        const payouts = signed?.withdrawals.map(({ withdrawalId }) => this.#payoutOf(withdrawalId)) ?? [];
        const decided = payouts.map((payout) => this.#decide(message.body.txid, "post", payout));
        return this.#all(decided, signed?.tx ?? null, () => {
          known.confirmed = !this.world.has("a confirmation before the signing is forgotten") || signed !== null;
        });
      }
      case "coin.observed": {
        const { outpoint, branch, amountSat } = message.body;
        if (this.#coins.has(outpoint)) return NOTHING;
        const apply = () => {
          this.#coins.add(outpoint);
          if (branch === 0) this.#book(deposited(outpoint, "hot-float" as AccountId, "BTC", amountSat));
        };
        return { out: [], apply };
      }
      default:
        throw new Error(`nobody reads ${message.topic} here`);
    }
  }

  #known(txid: string): Known {
    const known = this.#transactions.get(txid) ?? { signed: null, confirmed: false };
    this.#transactions.set(txid, known);
    return known;
  }

  /** What the message of vault says; vault has it from the clearance. */
  #payoutOf(withdrawalId: string): Payout {
    const request = this.world.parts.vault.withdrawals.get(withdrawalId)?.cleared.request;
    if (request === undefined) throw new Error(`vault never had ${withdrawalId}`);
    const { account, amountSat } = request;
    return {
      withdrawalId: withdrawalId as WithdrawalId,
      account: account as AccountId,
      asset: "BTC",
      amountMinor: amountSat,
    };
  }

  #decide(txid: string, type: "pend" | "post", payout: Payout): () => void {
    const booked = this.payouts.get(payout.withdrawalId) ?? null;
    const decided = decidePayout({ type, payout }, this.world.has("the ledger books twice") ? null : booked);
    if (!decided.ok) throw new Parked(`${payout.withdrawalId}: ${decided.refusal.code}`);
    const { transfers, standing } = decided.value;
    const postedBy = booked?.postedBy ?? (standing === "posted" ? txid : null);
    if (type === "post" && postedBy !== txid) throw new Parked(`${payout.withdrawalId}: PAYOUT_PAID_TWICE`);
    return () => this.#save(payout, standing, postedBy, transfers);
  }

  #save(payout: Payout, standing: PayoutStanding, postedBy: string | null, transfers: readonly Transfer[]): void {
    for (const transfer of transfers) this.#book(transfer);
    this.payouts.set(payout.withdrawalId, { ...payout, standing, postedBy });
  }

  #all(steps: readonly (() => void)[], feeOf: Tx | null, last: () => void): Effect {
    const apply = () => {
      for (const step of steps) step();
      if (feeOf !== null) this.#book(networkFee(feeOf.txid, "BTC", feeOf.feeSat));
      last();
    };
    return { out: [], apply };
  }

  /** One with the same id is booked already. */
  #book(transfer: Transfer): void {
    if (this.#transferIds.has(transfer.id) && !this.world.has("the ledger books twice")) return;
    this.#transferIds.add(transfer.id);
    this.balances = book(this.balances, transfer);
  }
}
