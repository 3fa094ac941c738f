// Signing: the whole way for every pair of holders, and what a holder never lets out.
import { Psbt, Transaction } from "bitcoinjs-lib";
import fc from "fast-check";
import { pointFromScalar, privateAdd, sign as signDigest } from "tiny-secp256k1";
import { describe, expect, it } from "vitest";
import { highS } from "../test/holders.ts";
import { decoded, holders, makePlan, plan, signed, value, wallet } from "../test/payouts.ts";
import { toHex } from "./bitcoin/wire.ts";
import { combineSignatures, decodePayout, deriveScript, finalisePayout, payoutVbytes } from "./index.ts";
import { accountKeyFromXpub, childKey, SigningError, signPayout } from "./signing.ts";

const [a, b, c] = holders;

describe("the way of a payout", () => {
  it.each([
    [a, b],
    [a, c],
    [b, c],
    [c, a],
  ])("is signed by any two holders and finalised to what a second implementation makes of it", (first, second) => {
    const combined = value(combineSignatures(plan, [signed(plan, first), signed(plan, second)], wallet));
    const { transaction, txid } = value(finalisePayout(plan, combined.psbt, wallet));
    expect(txid).toBe(decoded(plan).txid);
    const oracle = Psbt.fromBuffer(combined.psbt).finalizeAllInputs().extractTransaction(true);
    expect(toHex(transaction)).toBe(toHex(oracle.toBuffer()));
    expect(oracle.getId()).toBe(txid);
  });

  it("gives the same bytes whoever's signatures come first, and with all three takes two", () => {
    const both = value(combineSignatures(plan, [signed(plan, a), signed(plan, b)], wallet));
    expect(combineSignatures(plan, [signed(plan, b), signed(plan, a)], wallet)).toEqual({ ok: true, value: both });
    const three = value(
      combineSignatures(
        plan,
        holders.map((holder) => signed(plan, holder)),
        wallet,
      ),
    );
    const { transaction } = value(finalisePayout(plan, three.psbt, wallet));
    for (const { witness } of Transaction.fromBuffer(transaction).ins) expect(witness.length).toBe(4);
  });

  it("never grows over the planned size, and is below it by what its signatures are shorter", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 6 }), fc.nat(1_000), (inputs, salt) => {
        const psbt = makePlan(inputs, salt * 10);
        const combined = value(combineSignatures(psbt, [signed(psbt, a), signed(psbt, c)], wallet));
        const transaction = Transaction.fromBuffer(value(finalisePayout(psbt, combined.psbt, wallet)).transaction);
        const missing = transaction.ins
          .flatMap(({ witness }) => witness.slice(1, 3))
          .reduce((sum, { length }) => sum + 72 - length, 0);
        const { vbytes } = decoded(psbt);
        expect(vbytes).toBe(Math.ceil((transaction.weight() + missing) / 4));
        expect(vbytes - transaction.virtualSize()).toBeLessThanOrEqual(Math.ceil(missing / 4));
        expect(vbytes).toBe(
          payoutVbytes(
            inputs,
            transaction.outs.map(({ script }) => script),
          ),
        );
      }),
      { numRuns: 12 },
    );
  });

  it("is unchanged by the option that lets signatures be there", () => {
    const combined = value(combineSignatures(plan, [signed(plan, a), signed(plan, b)], wallet));
    expect(decodePayout(combined.psbt, wallet, { gapLimit: 20 })).toMatchObject({
      refusal: { code: "INPUT_SIGNATURE_PRESENT" },
    });
    expect(decodePayout(combined.psbt, wallet, { gapLimit: 20, signatures: "verify" })).toEqual({
      ok: true,
      value: decoded(plan),
    });
  });
});

describe("a holder's child keys", () => {
  it("are the account key plus a public tweak", () => {
    for (const holder of holders) {
      for (const position of [
        { branch: 0, index: 0 },
        { branch: 1, index: 2 ** 31 - 1 },
      ] as const) {
        const { tweak, publicKey } = childKey(wallet, holder.fingerprint, position);
        const key = privateAdd(holder.accountKey, tweak);
        expect(key && toHex(pointFromScalar(key, true) ?? new Uint8Array())).toBe(toHex(publicKey));
        const keys = deriveScript(wallet, position.branch, position.index).publicKeys.map(toHex);
        expect(keys).toContain(toHex(publicKey));
      }
    }
  });

  it("are asked for by position, once for each input, and the account key is found in the descriptor", () => {
    const asked: unknown[] = [];
    signPayout(decoded(plan), wallet, a.fingerprint, (tweak, digest, position) => {
      asked.push([toHex(digest), position]);
      return a.sign(tweak, digest, position);
    });
    expect(asked).toEqual(
      decoded(plan).inputs.map(({ sighash, branch, index }) => [toHex(sighash), { branch, index }]),
    );
    const account = accountKeyFromXpub(wallet, a.fingerprint);
    expect(toHex(account.publicKey)).toBe(toHex(pointFromScalar(a.accountKey, true) ?? new Uint8Array()));
    expect(account.chainCode).toEqual(wallet.holders[0].chainCode);
    expect(() => accountKeyFromXpub(wallet, "00000000")).toThrow(SigningError);
  });
});

describe("a signature that may not leave the holder throws", () => {
  it.each([
    ["HOLDER_UNKNOWN", "deadbeef", a.sign],
    ["SIGNATURE_LENGTH", a.fingerprint, () => new Uint8Array(63)],
    ["SIGNATURE_HIGH_S", a.fingerprint, (...asked: Parameters<typeof a.sign>) => highS(a.sign(...asked))],
    ["SIGNATURE_INVALID", a.fingerprint, b.sign],
    ["SIGNATURE_INVALID", a.fingerprint, (_: Uint8Array, digest: Uint8Array) => signDigest(digest, a.accountKey)],
    ["SIGNATURE_HIGH_S", a.fingerprint, () => new Uint8Array(64)],
  ] as const)("%s", (code, holder, sign) => {
    expect(() => signPayout(decoded(plan), wallet, holder, sign)).toThrow(expect.objectContaining({ code }));
  });
});
