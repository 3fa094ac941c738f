// The decoder on generated damage: refused, or what it says is what the bytes say.
import { Psbt, Transaction } from "bitcoinjs-lib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { control, GAP_LIMIT, wallet } from "../../test/tampering/index.ts";
import { type DecodedPayout, decodePayout } from "./decode.ts";
import { toHex } from "./wire.ts";

const decode = (bytes: Uint8Array) => decodePayout(bytes, wallet, { gapLimit: GAP_LIMIT });

describe("generated damage", () => {
  const original = decode(control);

  it("is refused, or the bytes still mean exactly what the decoder says", () => {
    let refused = 0;
    let meant = 0;
    fc.assert(
      fc.property(fc.nat(control.length - 1), fc.integer({ min: 1, max: 255 }), (position, mask) => {
        const bytes = Uint8Array.from(control, (byte, index) => (index === position ? byte ^ mask : byte));
        const decoded = decode(bytes);
        if (!decoded.ok) {
          refused += 1;
          return;
        }
        meant += 1;
        agreesWithOracle(bytes, decoded.value);
        // The same transaction can only mean the same: a signature for it is a signature for the control.
        if (original.ok && decoded.value.txid === original.value.txid) expect(decoded).toEqual(original);
      }),
      { numRuns: 1_500 },
    );
    expect(refused).toBeGreaterThan(1_000);
    expect(meant).toBeGreaterThan(5);
  });

  it("by cutting or doubling stretches is refused", () => {
    let refused = 0;
    const stretch = fc
      .tuple(fc.nat(control.length), fc.nat(control.length))
      .map(([a, b]) => [Math.min(a, b), Math.max(a, b)] as const);
    fc.assert(
      fc.property(stretch, fc.constantFrom("cut", "double"), ([from, to], how) => {
        fc.pre(to > from);
        const parts =
          how === "cut"
            ? [
                [0, from],
                [to, control.length],
              ]
            : [
                [0, to],
                [from, control.length],
              ];
        const bytes = Uint8Array.from(parts.flatMap(([start, end]) => [...control.subarray(start, end)]));
        const decoded = decode(bytes);
        // Only a whole field that nobody needs may go: the claimed witness UTXO.
        if (decoded.ok) expect(decoded).toEqual(original);
        else refused += 1;
      }),
      { numRuns: 500 },
    );
    expect(refused).toBeGreaterThan(400);
  });

  it("never makes it throw, whatever the bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), fc.nat(control.length), (bytes, keep) => {
        const damaged = Uint8Array.from([...control.subarray(0, keep), ...bytes]);
        expect(decode(damaged).ok).toBe(toHex(damaged) === toHex(control));
      }),
      { numRuns: 1_000 },
    );
  });
});

/** Reads the same bytes with a second implementation and compares every output and input. */
function agreesWithOracle(bytes: Uint8Array, { payments, change, own, inputs, txid }: DecodedPayout): void {
  const oracle = Psbt.fromBuffer(bytes);
  const amounts = [...payments, ...change, ...own]
    .toSorted((left, right) => left.index - right.index)
    .map(({ amountSat }) => amountSat);
  expect(amounts).toEqual(oracle.txOutputs.map(({ value }) => value));
  for (const { index, scriptPubKey } of payments) {
    expect(toHex(scriptPubKey)).toBe(toHex(oracle.txOutputs[index]?.script ?? new Uint8Array()));
  }
  expect(inputs.map(({ outpoint }) => outpoint)).toEqual(
    oracle.txInputs.map(({ hash, index }) => `${toHex(hash.toReversed())}:${index}`),
  );
  expect(txid).toBe(txidByOracle(bytes));
}

function txidByOracle(bytes: Uint8Array): string {
  return Transaction.fromBuffer(Psbt.fromBuffer(bytes).data.getTransaction()).getId();
}
