// What the gateway sees: the Bitcoin network as a quorum of nodes agrees on it. Nothing in it is one node's word alone.
import type { MempoolQuestions } from "./mempools.ts";
import type { SendAnswer } from "./rejections.ts";

export type Block = {
  readonly hash: string;
  readonly height: number;
  /** Null for the first block of all. */
  readonly previousHash: string | null;
  /** Of each transaction, in the block's order. */
  readonly txids: readonly string[];
  readonly transactions: readonly Uint8Array[];
};

/** Every question rejects with NoQuorum when too few nodes answer, or too few the same, for anything to be concluded. */
export type BitcoinNode = MempoolQuestions & {
  /** The greatest height at which a quorum has the same block. */
  readonly tipHeight: () => Promise<number>;
  /** Null when a quorum's best chains have no block at this height, or not the same one. */
  readonly hashAt: (height: number) => Promise<string | null>;
  /** In a quorum's best chain, and checked: every byte is what the hash commits to. */
  readonly block: (hash: string) => Promise<Block>;
  /** The hash of the block that holds a transaction, looked up in that block; null when none is known to. */
  readonly blockOf: (txid: string) => Promise<string | null>;
  /** Gives it to all nodes. Success means that a quorum has it. The same bytes can be sent again at any time. */
  readonly send: (transaction: Uint8Array) => Promise<SendAnswer>;
};
