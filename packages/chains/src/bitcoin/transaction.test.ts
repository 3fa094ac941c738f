// Transactions read strictly: against a second implementation, and each fault by its name.
import { Transaction } from "bitcoinjs-lib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  parseTransaction,
  serializeTransaction,
  serializeWithWitnesses,
  type TransactionParts,
} from "./transaction.ts";
import { concatBytes, fromHex, toHex } from "./wire.ts";

const script = fc.uint8Array({ maxLength: 300 });
const anyParts: fc.Arbitrary<TransactionParts> = fc.record({
  version: fc.integer({ min: 0, max: 0xffff_ffff }),
  inputs: fc.array(
    fc.record({
      txid: fc.uint8Array({ minLength: 32, maxLength: 32 }).map(toHex),
      vout: fc.integer({ min: 0, max: 0xffff_ffff }),
      scriptSig: script,
      sequence: fc.integer({ min: 0, max: 0xffff_ffff }),
    }),
    { minLength: 1, maxLength: 4 },
  ),
  outputs: fc.array(
    fc.record({ amountSat: fc.bigInt({ min: 0n, max: 2_100_000_000_000_000n }), scriptPubKey: script }),
    {
      minLength: 1,
      maxLength: 4,
    },
  ),
  locktime: fc.integer({ min: 0, max: 0xffff_ffff }),
});
const stacks = (count: number) =>
  fc.array(fc.array(fc.uint8Array({ maxLength: 80 }), { minLength: 1, maxLength: 4 }), {
    minLength: count,
    maxLength: count,
  });

describe("a transaction", () => {
  it("is read back as it was written, with the id that a second implementation computes", () => {
    fc.assert(
      fc.property(anyParts, (parts) => {
        const bytes = serializeTransaction(parts);
        const parsed = parseTransaction(bytes, "either");
        expect(parsed).toEqual({
          ok: true,
          value: { ...parts, txid: Transaction.fromBuffer(bytes).getId(), witnesses: null },
        });
        expect(parseTransaction(bytes, "without-witness")).toEqual(parsed);
      }),
    );
  });

  it("keeps its id when it has witnesses, and is the bytes that a second implementation writes", () => {
    fc.assert(
      fc.property(
        anyParts.chain((parts) => fc.tuple(fc.constant(parts), stacks(parts.inputs.length))),
        ([parts, witnesses]) => {
          const bytes = serializeWithWitnesses(parts, witnesses);
          const oracle = Transaction.fromBuffer(bytes);
          expect(toHex(oracle.toBuffer())).toBe(toHex(bytes));
          const parsed = parseTransaction(bytes, "either");
          expect(parsed).toEqual({ ok: true, value: { ...parts, txid: oracle.getId(), witnesses } });
        },
      ),
    );
  });

  it("is refused when it is cut short anywhere or followed by anything", () => {
    fc.assert(
      fc.property(anyParts, fc.nat(), (parts, cut) => {
        const bytes = serializeTransaction(parts);
        const short = parseTransaction(bytes.subarray(0, cut % bytes.length), "either");
        expect(short.ok).toBe(false);
        const long = parseTransaction(concatBytes(bytes, Uint8Array.of(0)), "either");
        expect(long).toEqual({ ok: false, refusal: { code: "TRAILING_BYTES" } });
      }),
    );
  });

  const input = `${"11".repeat(32)}0000000000fdffffff`;
  const output = "e80300000000000000";
  it.each([
    ["another flag", `02000000000201${input}01${output}01015100000000`, "WITNESS_MALFORMED"],
    ["a marker without its flag", `02000000${"0002"}01${input}01${output}0000000000`, "WITNESS_MALFORMED"],
    ["witnesses that are all empty", `02000000${"0001"}01${input}01${output}00${"00000000"}`, "WITNESS_MALFORMED"],
    ["a count with a longer spelling", `02000000fd0100${input}01${output}00000000`, "NON_MINIMAL"],
    ["a count of what is not there", `02000000feffffffff${input}`, "TRUNCATED"],
    ["nothing", "", "TRUNCATED"],
  ] as const)("is refused with %s", (_, hex, code) => {
    expect(parseTransaction(fromHex(`0200000001${input}01${output}00000000`), "either").ok).toBe(true);
    expect(parseTransaction(fromHex(`02000000000101${input}01${output}01015100000000`), "either").ok).toBe(true);
    expect(parseTransaction(fromHex(hex), "either")).toEqual({ ok: false, refusal: { code } });
  });

  it("in the form without witnesses may have no inputs at all", () => {
    const parts: TransactionParts = {
      version: 2,
      inputs: [],
      outputs: [{ amountSat: 1n, scriptPubKey: new Uint8Array() }],
      locktime: 0,
    };
    expect(parseTransaction(serializeTransaction(parts), "without-witness")).toMatchObject({ ok: true, value: parts });
  });
});
