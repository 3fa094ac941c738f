// The container on the valid and invalid PSBTs of BIP174.
import { describe, expect, it } from "vitest";
import { closeDraft, openDraft } from "../../test/draft.ts";
import { makeTestWallet } from "../../test/holders.ts";
import bip174 from "../../test/vectors/bip174.json" with { type: "json" };
import type { ChainRefusalCode } from "./chain-refusals.ts";
import { decodePayout } from "./decode.ts";
import { parsePsbt, serializePsbt } from "./psbt-format.ts";
import { fromHex, toHex } from "./wire.ts";

const { wallet } = makeTestWallet("bip174");

/** Which rule each published invalid PSBT breaks. */
const INVALID: Readonly<Record<string, ChainRefusalCode>> = {
  "a network transaction": "PSBT_MAGIC_MISSING",
  "outputs missing": "PSBT_TRUNCATED",
  "scriptSig in the unsigned transaction": "PSBT_TRANSACTION_SIGNED",
  "no unsigned transaction": "PSBT_TRANSACTION_MISSING",
  "duplicate key in an input": "PSBT_KEY_DUPLICATE",
  "unsigned transaction with witness marker": "PSBT_TRANSACTION_MALFORMED",
};

describe("BIP174", () => {
  it.each(bip174.invalid)("refuses $name", ({ name, hex }) => {
    const code = INVALID[name] ?? "PSBT_KEY_MALFORMED";
    expect(parsePsbt(fromHex(hex))).toMatchObject({ ok: false, refusal: { code } });
  });

  it.each(bip174.valid)("reads $name and writes the same bytes", ({ hex }) => {
    const parsed = parsePsbt(fromHex(hex));
    if (!parsed.ok) throw new Error(parsed.refusal.code);
    expect(parsed.value.inputs.length).toBe(parsed.value.transaction.inputs.length);
    expect(parsed.value.outputs.length).toBe(parsed.value.transaction.outputs.length);
    expect(toHex(serializePsbt(parsed.value))).toBe(hex);
  });

  it.each([...bip174.valid, ...bip174.invalid])("gives no payout of a strange wallet: $name", ({ hex }) => {
    expect(decodePayout(fromHex(hex), wallet, { gapLimit: 20 }).ok).toBe(false);
  });

  it.each(bip174.valid)("refuses every prefix of $name", ({ hex }) => {
    const bytes = fromHex(hex);
    for (let length = 0; length < bytes.length; length += 1) {
      expect(parsePsbt(bytes.subarray(0, length)).ok).toBe(false);
    }
  });
});

describe("the key of a derivation", () => {
  const withKey = (keyData: Uint8Array) => {
    const draft = openDraft(fromHex(bip174.valid[0]?.hex ?? ""));
    draft.inputs[0]?.push({ type: 6, keyData, value: new Uint8Array(4) });
    const parsed = parsePsbt(closeDraft(draft));
    return parsed.ok ? "ok" : parsed.refusal.code;
  };

  it.each([
    [33, 2, "ok"],
    [33, 3, "ok"],
    [33, 4, "PSBT_KEY_MALFORMED"],
    [33, 1, "PSBT_KEY_MALFORMED"],
    [65, 4, "ok"],
    [65, 2, "PSBT_KEY_MALFORMED"],
    [65, 3, "PSBT_KEY_MALFORMED"],
    [64, 4, "PSBT_KEY_MALFORMED"],
    [32, 2, "PSBT_KEY_MALFORMED"],
    [0, 0, "PSBT_KEY_MALFORMED"],
  ])("of %i bytes that begins with %i: %s", (length, prefix, expected) => {
    expect(withKey(Uint8Array.from({ length }, (_, at) => (at === 0 ? prefix : 7)))).toBe(expected);
  });
});
