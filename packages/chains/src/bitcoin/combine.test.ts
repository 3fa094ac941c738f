// Combining: whatever is wrong with a holder's signatures is refused by its own code.
import { afterAll, describe, expect, it } from "vitest";
import { highS, makeTestWallet } from "../../test/holders.ts";
import { decoded, holders, makePlan, plan, signed, value, wallet } from "../../test/payouts.ts";
import { childKey } from "../signing.ts";
import type { ChainRefusalCode } from "./chain-refusals.ts";
import { combineSignatures } from "./combine.ts";
import type { InputSignature, PartialSignatures } from "./partial-signatures.ts";
import { concatBytes } from "./wire.ts";

const [a, b, c] = holders;

describe("combining refuses", () => {
  const other = makePlan(2, 500);
  const good = signed(plan, a);
  const fromB = signed(plan, b);
  const changed = (change: (signature: InputSignature) => Partial<InputSignature>): PartialSignatures => ({
    ...good,
    signatures: good.signatures.map((signature) => ({ ...signature, ...change(signature) })),
  });
  const typed = (type: number) =>
    changed(({ signature }) => ({ signature: concatBytes(signature.subarray(0, -1), Uint8Array.of(type)) }));
  const stranger = makeTestWallet("someone else").holders[0];
  const high = signPayoutUnchecked((compact) => highS(compact));
  const cases: readonly (readonly [ChainRefusalCode, string, readonly PartialSignatures[]])[] = [
    ["SIGNATURES_TOO_FEW", "nobody's", []],
    ["SIGNATURES_TOO_FEW", "one holder's", [good]],
    ["SIGNATURE_HOLDER_TWICE", "one holder's twice", [good, good]],
    ["SIGNATURE_HOLDER_UNKNOWN", "a stranger's", [{ ...good, holder: stranger.fingerprint }, fromB]],
    ["SIGNATURE_OTHER_TRANSACTION", "another transaction's", [signed(other, a), fromB]],
    ["SIGNATURE_INPUTS", "one input's only", [{ ...good, signatures: good.signatures.slice(0, 1) }, fromB]],
    [
      "SIGNATURE_INPUTS",
      "one input's twice",
      [{ ...good, signatures: [0, 0].flatMap((at) => good.signatures[at] ?? []) }, fromB],
    ],
    [
      "SIGNATURE_INPUTS",
      "one input's too many",
      [{ ...good, signatures: [...good.signatures, ...good.signatures.slice(0, 1)] }, fromB],
    ],
    ["SIGNATURE_KEY_FOREIGN", "under another holder's key", [{ ...fromB, holder: a.fingerprint }, signed(plan, c)]],
    ["SIGNATURE_KEY_FOREIGN", "under a key of no one", [changed(() => ({ publicKey: new Uint8Array(33) })), fromB]],
    ["SIGNATURE_MALFORMED", "cut short", [changed(({ signature }) => ({ signature: signature.subarray(1) })), fromB]],
    ["SIGNATURE_MALFORMED", "of a megabyte", [changed(() => ({ signature: new Uint8Array(1_000_000) })), fromB]],
    ["SIGNATURE_MALFORMED", "of nothing", [changed(() => ({ signature: new Uint8Array() })), fromB]],
    ...[0, 2, 3, 0x81, 0x82, 0x83].map(
      (type) => ["SIGNATURE_SIGHASH_TYPE", `of type ${type}`, [typed(type), fromB]] as const,
    ),
    ["SIGNATURE_HIGH_S", "with high S", [high, fromB]],
    [
      "SIGNATURE_INVALID",
      "of the other input",
      [
        changed(({ inputIndex }) => ({ signature: good.signatures[1 - inputIndex]?.signature ?? new Uint8Array() })),
        fromB,
      ],
    ],
    [
      "SIGNATURE_INVALID",
      "of another transaction under this one's name",
      [{ ...signed(other, a), txid: good.txid }, fromB].map((partial, nth) =>
        nth === 0
          ? {
              ...partial,
              signatures: partial.signatures.map((signature, at) => ({
                ...signature,
                publicKey: good.signatures[at]?.publicKey ?? new Uint8Array(),
              })),
            }
          : partial,
      ),
    ],
  ];
  let fired = 0;

  it.each(cases)("%s: signatures %s", (code, _, signatures) => {
    expect(combineSignatures(plan, [good, fromB], wallet).ok).toBe(true);
    expect(combineSignatures(plan, signatures, wallet)).toMatchObject({ ok: false, refusal: { code } });
    expect(combineSignatures(plan, signatures.toReversed(), wallet)).toMatchObject({ ok: false });
    fired += 1;
  });

  afterAll(() => {
    expect(fired).toBe(cases.length);
  });

  it("a plan that is signed already", () => {
    const { psbt } = value(combineSignatures(plan, [good, fromB], wallet));
    expect(combineSignatures(psbt, [good, fromB], wallet)).toMatchObject({
      refusal: { code: "INPUT_SIGNATURE_PRESENT" },
    });
  });

  function signPayoutUnchecked(change: (compact: Uint8Array) => Uint8Array): PartialSignatures {
    const signatures = decoded(plan).inputs.map(({ branch, index, sighash }, inputIndex) => {
      const { tweak, publicKey } = childKey(wallet, a.fingerprint, { branch, index });
      const compact = change(a.sign(tweak, sighash, { branch, index }));
      const integer = (bytes: Uint8Array) => {
        const padded = (bytes[0] ?? 0) >= 0x80 ? [0, ...bytes] : [...bytes];
        return [2, padded.length, ...padded];
      };
      const body = [...integer(compact.subarray(0, 32)), ...integer(compact.subarray(32))];
      return { inputIndex, publicKey, signature: Uint8Array.from([0x30, body.length, ...body, 1]) };
    });
    return { holder: a.fingerprint, txid: decoded(plan).txid, signatures };
  }
});
