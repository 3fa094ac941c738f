// A block read from its bytes and checked against itself: its work, and that its header commits to every byte of it.
import { ok, type Result, refused } from "@sluice/core";
import { hash256 } from "./hashing.ts";
import type { BitcoinNetwork } from "./network.ts";
import { type ParsedTransaction, readTransaction, type TransactionFault } from "./transaction.ts";
import { concatBytes, equalBytes, fromHex, reversedHex, toHex, WireReader } from "./wire.ts";

export type DecodedBlock = {
  /** As people write it, like all ids here: in the reverse of the order in which it is hashed. */
  readonly hash: string;
  readonly previousHash: string;
  readonly txids: readonly string[];
  /** The same transactions as they stand in the block. */
  readonly transactions: readonly Uint8Array[];
};

export type BlockFault =
  | TransactionFault
  /** Its header's hash is above the target that it names, or that target is easier than the network ever allows. */
  | "NO_WORK"
  | "NO_COINBASE"
  | "TWO_COINBASES"
  | "MERKLE_ROOT_MISMATCH"
  /** Transactions stand twice, so that the same root commits to another list (CVE-2012-2459). */
  | "DUPLICATE_TRANSACTIONS"
  | "WITNESS_COMMITMENT_MISMATCH";

/**
 * What is accepted is exactly what the block's hash commits to: the header by the hash, ids by the merkle root, witnesses
 * by the coinbase's commitment (BIP141). Whether that hash is of the best chain cannot be seen in here, nor whether the
 * target is the one that the chain's rules ask for.
 */
export function decodeBlock(
  bytes: Uint8Array,
  network: BitcoinNetwork,
): Result<DecodedBlock, { readonly code: BlockFault }> {
  const reader = new WireReader(bytes);
  const header = reader.take(HEADER_BYTES);
  const count = reader.compactSize();
  const transactions: (ParsedTransaction & { readonly bytes: Uint8Array })[] = [];
  while (transactions.length < count && reader.fault === null) {
    const from = reader.offset;
    const read = readTransaction(reader, "either");
    if (!read.ok) return read;
    transactions.push({ ...read.value, bytes: bytes.subarray(from, reader.offset) });
  }
  if (reader.fault !== null) return refused({ code: reader.fault });
  if (reader.remaining > 0) return refused({ code: "TRAILING_BYTES" });

  const fields = readHeader(header);
  if (!hasWork(fields, network)) return refused({ code: "NO_WORK" });
  const [coinbase, ...others] = transactions;
  if (coinbase === undefined || !isCoinbase(coinbase)) return refused({ code: "NO_COINBASE" });
  if (others.some(isCoinbase)) return refused({ code: "TWO_COINBASES" });
  const { root, doubled } = merkleRoot(transactions.map(({ txid }) => fromHex(txid).toReversed()));
  if (!equalBytes(root, fields.merkleRoot)) return refused({ code: "MERKLE_ROOT_MISMATCH" });
  if (doubled) return refused({ code: "DUPLICATE_TRANSACTIONS" });
  if (!commitsToWitnesses(coinbase, transactions)) return refused({ code: "WITNESS_COMMITMENT_MISMATCH" });
  return ok({
    hash: fields.hash,
    previousHash: fields.previousHash,
    txids: transactions.map(({ txid }) => txid),
    transactions: transactions.map((transaction) => transaction.bytes),
  });
}

const HEADER_BYTES = 80;

type Header = {
  readonly hash: string;
  readonly previousHash: string;
  readonly merkleRoot: Uint8Array;
  readonly bits: number;
};

function readHeader(header: Uint8Array): Header {
  const reader = new WireReader(header);
  reader.u32();
  const previousHash = reversedHex(reader.take(32));
  const merkleRoot = reader.take(32);
  reader.u32();
  return { hash: reversedHex(hash256(header)), previousHash, merkleRoot, bits: reader.u32() };
}

/** The easiest target of each network (powLimit in Bitcoin Core's chainparams.cpp). */
const EASIEST: Readonly<Record<BitcoinNetwork, bigint>> = {
  mainnet: 2n ** 224n - 1n,
  testnet: 2n ** 224n - 1n,
  signet: 0x377aen << 216n,
  regtest: 2n ** 255n - 1n,
};

function hasWork({ hash, bits }: Header, network: BitcoinNetwork): boolean {
  const target = targetOf(bits);
  return target !== null && target <= EASIEST[network] && BigInt(`0x${hash}`) <= target;
}

/** Null for what no target is: zero, negative, or above 256 bits (arith_uint256::SetCompact). */
export function targetOf(bits: number): bigint | null {
  const mantissa = BigInt(bits & 0x007f_ffff);
  const exponent = bits >>> 24;
  if ((bits & 0x0080_0000) !== 0) return null;
  const target = exponent <= 3 ? mantissa >> BigInt(8 * (3 - exponent)) : mantissa << BigInt(8 * (exponent - 3));
  return target === 0n || target >= 2n ** 256n ? null : target;
}

const NOWHERE = "0".repeat(64);

function isCoinbase({ inputs }: ParsedTransaction): boolean {
  const [input] = inputs;
  return inputs.length === 1 && input?.txid === NOWHERE && input.vout === 0xffff_ffff;
}

/**
 * The root over hashes in the order in which they are hashed. `doubled`: two neighbours of one level are the same although
 * there is a second of its own, which is how another list of transactions can have the same root (consensus/merkle.cpp).
 */
function merkleRoot(leaves: readonly Uint8Array[]): { readonly root: Uint8Array; readonly doubled: boolean } {
  let level = leaves;
  let doubled = false;
  while (level.length > 1) {
    const above: Uint8Array[] = [];
    for (let at = 0; at < level.length; at += 2) {
      const left = level[at] ?? new Uint8Array();
      const right = level[at + 1];
      if (right !== undefined && equalBytes(left, right)) doubled = true;
      above.push(hash256(concatBytes(left, right ?? left)));
    }
    level = above;
  }
  return { root: level[0] ?? new Uint8Array(32), doubled };
}

const COMMITMENT_PREFIX = "6a24aa21a9ed";
const COMMITMENT_BYTES = 38;

/** BIP141: the last matching output of the coinbase commits to all witnesses; where there is none, there are no witnesses. */
function commitsToWitnesses(
  coinbase: ParsedTransaction,
  transactions: readonly (ParsedTransaction & { readonly bytes: Uint8Array })[],
): boolean {
  const commitment = coinbase.outputs
    .map(({ scriptPubKey }) => scriptPubKey)
    .findLast((script) => script.length >= COMMITMENT_BYTES && toHex(script).startsWith(COMMITMENT_PREFIX));
  if (commitment === undefined) return transactions.every(({ witnesses }) => witnesses === null);
  const [stack] = coinbase.witnesses ?? [];
  const [reserved] = stack ?? [];
  if (stack?.length !== 1 || reserved?.length !== 32) return false;
  const hashes = transactions.map(({ bytes }, at) => (at === 0 ? new Uint8Array(32) : hash256(bytes)));
  return equalBytes(hash256(concatBytes(merkleRoot(hashes).root, reserved)), commitment.subarray(6, COMMITMENT_BYTES));
}
