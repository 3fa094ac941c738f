// A block is taken exactly when its hash commits to every byte of it: real blocks, flipped bytes, and the known malleations.
import { Block } from "bitcoinjs-lib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import vectors from "../../test/vectors/blocks.json" with { type: "json" };
import { decodeBlock, targetOf } from "./block.ts";
import { hash256 } from "./hashing.ts";
import type { BitcoinNetwork } from "./network.ts";
import { compactSize, concatBytes, fromHex, toHex, u32le, u64le } from "./wire.ts";

const genesis = fromHex(vectors.genesis.hex);
const block170 = fromHex(vectors.block170.hex);
const withWitnesses = fromHex(vectors.block542213.hex);
const HEADER = 80;

const faultOf = (bytes: Uint8Array, network: BitcoinNetwork = "mainnet"): string => {
  const decoded = decodeBlock(bytes, network);
  return decoded.ok ? "none" : decoded.refusal.code;
};

/** Searches a nonce under regtest's easiest target, as a liar could at no cost. */
function mine(header: Uint8Array, body: Uint8Array): Uint8Array {
  const mined = new Uint8Array(header);
  mined.set(u32le(0x207f_ffff), 72);
  for (let nonce = 0; ; nonce += 1) {
    mined.set(u32le(nonce), 76);
    if ((hash256(mined)[31] ?? 0) < 0x7f) return concatBytes(mined, body);
  }
}

/** With the root that bitcoinjs-lib computes over the same list. */
function mineWith(transactions: readonly Uint8Array[], root?: Uint8Array): Uint8Array {
  const header = new Uint8Array(HEADER);
  const body = concatBytes(compactSize(transactions.length), ...transactions);
  const { transactions: parsed = [] } = Block.fromBuffer(concatBytes(header, body));
  header.set(root ?? Block.calculateMerkleRoot(parsed), 36);
  return mine(header, body);
}

const OUTPUT = concatBytes(u64le(1_000n), fromHex("0151"));
const transaction = (previous: number, input: string): Uint8Array =>
  concatBytes(
    u32le(1),
    fromHex("01"),
    new Uint8Array(32).fill(previous),
    fromHex(input),
    fromHex("01"),
    OUTPUT,
    u32le(0),
  );
const COINBASE = transaction(0, "ffffffff025151ffffffff");
const spend = (previous: number): Uint8Array => transaction(previous, "0000000000ffffffff");

describe("a real block", () => {
  it.each([
    ["the first", genesis, vectors.genesis.hash, 1],
    ["170, with the first payment", block170, vectors.block170.hash, 2],
    ["542213, with witnesses", withWitnesses, vectors.block542213.hash, 4],
  ])("%s has its published hash and its transactions", (_name, bytes, hash, count) => {
    const decoded = decodeBlock(bytes, "mainnet");
    if (!decoded.ok) throw new Error(decoded.refusal.code);
    expect(decoded.value.hash).toBe(hash);
    expect(decoded.value.txids).toHaveLength(count);
    const oracle = Block.fromBuffer(bytes);
    expect(decoded.value.previousHash).toBe(toHex(oracle.prevHash?.toReversed() ?? new Uint8Array()));
    expect(decoded.value.txids).toEqual(oracle.transactions?.map((each) => each.getId()));
    expect(decoded.value.transactions.map(toHex)).toEqual(oracle.transactions?.map((each) => each.toHex()));
  });

  it("of which any byte is changed is found out: by a fault, or by another hash", () => {
    let found = 0;
    for (const [bytes, { hash }] of [
      [genesis, vectors.genesis],
      [block170, vectors.block170],
      [withWitnesses, vectors.block542213],
    ] as const) {
      for (let at = 0; at < bytes.length; at += 1) {
        for (const bit of [0x01, 0x80]) {
          const changed = new Uint8Array(bytes);
          changed[at] = (changed[at] ?? 0) ^ bit;
          const decoded = decodeBlock(changed, "mainnet");
          if (decoded.ok) expect(decoded.value.hash, `byte ${at}`).not.toBe(hash);
          found += 1;
        }
      }
    }
    expect(found).toBe(2 * (genesis.length + block170.length + withWitnesses.length));
  });

  it("that is cut, lengthened or pieced together anew is found out", () => {
    fc.assert(
      fc.property(fc.nat(block170.length - 1), fc.uint8Array({ maxLength: 40 }), (at, more) => {
        const cut = decodeBlock(concatBytes(block170.subarray(0, at), more), "mainnet");
        if (cut.ok) expect(cut.value.hash).not.toBe(vectors.block170.hash);
      }),
    );
    expect(faultOf(concatBytes(genesis, Uint8Array.of(0)))).toBe("TRAILING_BYTES");
    expect(faultOf(new Uint8Array())).toBe("TRUNCATED");
  });
});

describe("a block that is refused", () => {
  it("has no work: above its own target, or under one that the network never allows", () => {
    const changed = new Uint8Array(genesis);
    changed[76] = 0;
    expect(faultOf(changed)).toBe("NO_WORK");
    const easy = mineWith([COINBASE]);
    expect(faultOf(easy, "regtest")).toBe("none");
    for (const network of ["mainnet", "testnet", "signet"] as const) expect(faultOf(easy, network)).toBe("NO_WORK");
  });

  it("has no coinbase first, or two", () => {
    expect(faultOf(mineWith([spend(1)]), "regtest")).toBe("NO_COINBASE");
    expect(faultOf(mine(new Uint8Array(HEADER), Uint8Array.of(0)), "regtest")).toBe("NO_COINBASE");
    expect(faultOf(mineWith([COINBASE, COINBASE]), "regtest")).toBe("TWO_COINBASES");
  });

  it("is another list of transactions under the same root (CVE-2012-2459)", () => {
    const honest = [COINBASE, spend(1), spend(2)];
    expect(faultOf(mineWith(honest), "regtest")).toBe("none");
    expect(faultOf(mineWith([...honest, spend(2)]), "regtest")).toBe("DUPLICATE_TRANSACTIONS");
    const six = [...honest, spend(3), spend(4), spend(5)];
    expect(faultOf(mineWith(six), "regtest")).toBe("none");
    expect(faultOf(mineWith([...six, spend(4), spend(5)]), "regtest")).toBe("DUPLICATE_TRANSACTIONS");
  });

  it("has transactions in another order, one more, one less or another", () => {
    const honest = mineWith([COINBASE, spend(1), spend(2)]);
    const root = honest.subarray(36, 68);
    for (const list of [[spend(2), spend(1)], [spend(1)], [spend(1), spend(2), spend(3)], [spend(1), spend(3)]]) {
      expect(faultOf(mineWith([COINBASE, ...list], root), "regtest")).toBe("MERKLE_ROOT_MISMATCH");
    }
  });

  it("was robbed of its witnesses, or given some that nothing commits to (BIP141)", () => {
    const { transactions = [] } = Block.fromBuffer(withWitnesses);
    const stripped = transactions.map((each) => {
      const copy = each.clone();
      copy.stripWitnesses();
      return copy.toBuffer();
    });
    const header = withWitnesses.subarray(0, HEADER);
    const without = concatBytes(header, compactSize(stripped.length), ...stripped);
    expect(faultOf(without)).toBe("WITNESS_COMMITMENT_MISMATCH");
    const added = concatBytes(
      ...[u32le(1), fromHex("000101"), new Uint8Array(32).fill(1), fromHex("0000000000ffffffff01"), OUTPUT],
      ...[fromHex("010151"), u32le(0)],
    );
    expect(faultOf(mineWith([COINBASE, added]), "regtest")).toBe("WITNESS_COMMITMENT_MISMATCH");
  });
});

// The published ones of bitcoinjs-lib's test/fixtures/block.json, and the limits of arith_uint256::SetCompact.
it.each([
  [0x1d00_ffff, "ffff0000000000000000000000000000000000000000000000000000"],
  [0x1b80_ffff, null],
  [0x1b04_04cb, "404cb000000000000000000000000000000000000000000000000"],
  [0x1814_dd04, "14dd04000000000000000000000000000000000000000000"],
  [0x207f_ffff, "7fffff0000000000000000000000000000000000000000000000000000000000"],
  [0x0112_3456, "12"],
  [0x0100_0000, null],
  [0x2300_0001, null],
  [0xff7f_ffff, null],
])("the compact target %i is read", (bits, target) => {
  expect(targetOf(bits)?.toString(16) ?? null).toBe(target);
});
