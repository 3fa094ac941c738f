// The chain of a history by itself: what the wallet paid, to whom, at what fee, and what it has left.
import type { Block, ChainTransaction, History } from "./history.ts";
import { type Violation, violation } from "./violation.ts";

export type Payment = {
  readonly txid: string;
  readonly script: string;
  readonly amountSat: bigint;
  readonly confirmations: number;
  /** It spent coins of the wallet. */
  readonly own: boolean;
};

export type Chain = {
  /** To scripts that are not the wallet's: all that its own transactions paid, and what strangers paid anywhere. */
  readonly paymentsTo: ReadonlyMap<string, readonly Payment[]>;
  readonly ownPayments: readonly Payment[];
  /** The wallet's own transactions that pay nobody else. */
  readonly transfers: readonly string[];
  /** Of the wallet's own transactions. */
  readonly feesSat: ReadonlyMap<string, bigint>;
  /** Outpoints of the wallet with what each holds. */
  readonly unspent: ReadonlyMap<string, bigint>;
  readonly violations: readonly Violation[];
};

export function readChain({ blocks, mempool, walletScripts }: History): Chain {
  const violations = [...linkFaults(blocks)];
  const wallet = new Set(walletScripts);
  const unspent = new Map<string, bigint>();
  const spent = new Set<string>();
  const feesSat = new Map<string, bigint>();
  const payments: Payment[] = [];
  const tip = blocks.at(-1)?.height ?? 0;
  // What is in no block yet counts as if the next one had it: with no confirmation.
  for (const { height, transactions } of [...blocks, { height: tip + 1, transactions: mempool }]) {
    for (const transaction of transactions) {
      const { txid, spends, pays } = transaction;
      const coins = spends.flatMap((outpoint) => unspent.get(outpoint) ?? []);
      const own = coins.length > 0;
      for (const outpoint of spends) {
        if (spent.has(outpoint)) violations.push(malformed(txid, `${outpoint} is spent twice in one chain`));
        spent.add(outpoint);
        unspent.delete(outpoint);
      }
      if (own && coins.length !== spends.length)
        violations.push(malformed(txid, "spends coins of the wallet and others"));
      if (own) feesSat.set(txid, sum(coins) - paidBy(transaction));
      for (const [vout, { script, amountSat }] of pays.entries()) {
        if (wallet.has(script)) unspent.set(`${txid}:${vout}`, BigInt(amountSat));
        else payments.push({ txid, script, amountSat: BigInt(amountSat), confirmations: tip - height + 1, own });
      }
    }
  }
  return {
    paymentsTo: Map.groupBy(payments, ({ script }) => script),
    ownPayments: payments.filter(({ own }) => own),
    transfers: [...feesSat.keys()].filter((txid) => !payments.some((payment) => payment.txid === txid)),
    feesSat,
    unspent,
    violations,
  };
}

/** A document in which blocks are missing says nothing about what was paid. */
function linkFaults(blocks: readonly Block[]): readonly Violation[] {
  if (blocks.length === 0) return [malformed("chain", "there is no block")];
  return blocks.flatMap((block, at) => {
    const before = blocks[at - 1];
    const follows = before === undefined || (block.previous === before.hash && block.height === before.height + 1);
    return follows ? [] : [malformed(block.hash, `does not follow the block of height ${before.height}`)];
  });
}

function paidBy({ pays }: ChainTransaction): bigint {
  return sum(pays.map(({ amountSat }) => BigInt(amountSat)));
}

export function sum(amounts: Iterable<bigint>): bigint {
  let total = 0n;
  for (const amount of amounts) total += amount;
  return total;
}

function malformed(about: string, detail: string): Violation {
  return violation("HISTORY_MALFORMED", about, detail);
}
