// The digest of BIP143 on its published examples, and against a second implementation.
import { Transaction } from "bitcoinjs-lib";
import fc from "fast-check";
import { verify } from "tiny-secp256k1";
import { describe, expect, it } from "vitest";
import bip143 from "../../test/vectors/bip143.json" with { type: "json" };
import { segwitDigests } from "./sighash.ts";
import { readSignature } from "./signature.ts";
import { parseTransaction, serializeTransaction } from "./transaction.ts";
import { fromHex, toHex } from "./wire.ts";

function parse(bytes: Uint8Array) {
  const parsed = parseTransaction(bytes, "either");
  if (!parsed.ok) throw new Error(parsed.refusal.code);
  return parsed.value;
}

describe("BIP143", () => {
  it.each(bip143.vectors)("$name", ({ unsigned, inputIndex, scriptCode, amountSat, sighash, publicKey, signature }) => {
    const spent = { amountSat: BigInt(amountSat), scriptCode: fromHex(scriptCode) };
    const digest = segwitDigests(parse(fromHex(unsigned)))(inputIndex, spent);
    expect(toHex(digest)).toBe(sighash);
    if (signature === null) return;
    const compact = readSignature(fromHex(signature));
    expect(compact.ok && verify(digest, fromHex(publicKey), compact.value, true)).toBe(true);
  });

  it("agrees with a second implementation for any transaction, input, script and amount", () => {
    const word = fc.integer({ min: 0, max: 0xffff_ffff });
    const anyInput = fc.record({
      txid: fc.uint8Array({ minLength: 32, maxLength: 32 }).map(toHex),
      vout: word,
      sequence: word,
    });
    const anyOutput = fc.record({
      amountSat: fc.bigInt({ min: 0n, max: 2_100_000_000_000_000n }),
      scriptPubKey: fc.uint8Array({ maxLength: 60 }),
    });
    fc.assert(
      fc.property(
        fc.array(anyInput, { minLength: 1, maxLength: 5 }),
        fc.array(anyOutput, { minLength: 1, maxLength: 5 }),
        fc.uint8Array({ minLength: 1, maxLength: 120 }),
        fc.bigInt({ min: 0n, max: 2_100_000_000_000_000n }),
        word,
        (inputs, outputs, scriptCode, amountSat, locktime) => {
          const spends = inputs.map((input) => ({ ...input, scriptSig: new Uint8Array() }));
          const bytes = serializeTransaction({ version: 2, inputs: spends, outputs, locktime });
          const oracle = Transaction.fromBuffer(bytes);
          const digest = segwitDigests(parse(bytes));
          for (const at of inputs.keys()) {
            const expected = oracle.hashForWitnessV0(at, scriptCode, amountSat, Transaction.SIGHASH_ALL);
            expect(toHex(digest(at, { amountSat, scriptCode }))).toBe(toHex(expected));
          }
        },
      ),
    );
  });
});
