// The decoder on the untampered control, on every tampering by its code.
import { Transaction } from "bitcoinjs-lib";
import { afterAll, describe, expect, it } from "vitest";
import { changePrevious, closeDraft, openDraft } from "../../test/draft.ts";
import { control, GAP_LIMIT, SIGNATURE_TAMPERINGS, TAMPERINGS, tampered, wallet } from "../../test/tampering/index.ts";
import { CHAIN_REFUSALS, type ChainRefusalCode } from "./chain-refusals.ts";
import { decodePayout } from "./decode.ts";
import { decodeSpends } from "./decode-inputs.ts";
import { standardScript } from "./script.ts";
import { payoutVbytes } from "./size.ts";
import { deriveScript } from "./wallet.ts";
import { toHex } from "./wire.ts";

const ORDER = Object.keys(CHAIN_REFUSALS) as readonly ChainRefusalCode[];
const decode = (bytes: Uint8Array) => decodePayout(bytes, wallet, { gapLimit: GAP_LIMIT });
const codeOf = (bytes: Uint8Array, signatures: "refuse" | "verify" = "refuse") => {
  const decoded = decodePayout(bytes, wallet, { gapLimit: GAP_LIMIT, signatures });
  return decoded.ok ? "ok" : decoded.refusal.code;
};

describe("the untampered control", () => {
  it("decodes to what was planned", () => {
    const decoded = decode(control);
    if (!decoded.ok) throw new Error(decoded.refusal.detail);
    const { inputs, payments, change, own, feeSat, vbytes, feeRateSatPerVbyte } = decoded.value;
    expect(inputs.map(({ amountSat, branch, index }) => [amountSat, branch, index])).toEqual([
      [600_000n, 0, 3],
      [400_000n, 1, 7],
    ]);
    expect(payments.map(({ index, amountSat }) => [index, amountSat])).toEqual([
      [0, 250_000n],
      [1, 300_000n],
    ]);
    expect(change).toEqual([{ index: 2, branch: 1, pathIndex: 8, amountSat: 450_000n - feeSat }]);
    expect(own).toEqual([]);
    expect(feeSat).toBe(BigInt(vbytes) * 2n);
    expect(feeRateSatPerVbyte).toBe(2);
    expect(decoded.value.txid).toBe(Transaction.fromBuffer(decoded.value.unsignedTransaction).getId());
  });

  it("is not changed by what happens to the caller's bytes afterwards", () => {
    const bytes = control.slice();
    const decoded = decode(bytes);
    const before = JSON.stringify(decoded, (_, value) => (typeof value === "bigint" ? `${value}` : value));
    bytes.fill(0);
    expect(JSON.stringify(decoded, (_, value) => (typeof value === "bigint" ? `${value}` : value))).toBe(before);
  });

  it("accepts an explicit version 0 and SIGHASH_ALL, which say nothing new", () => {
    const draft = openDraft(control);
    draft.globals.push({ type: 0xfb, keyData: new Uint8Array(), value: new Uint8Array(4) });
    draft.inputs[0]?.push({ type: 3, keyData: new Uint8Array(), value: Uint8Array.of(1, 0, 0, 0) });
    expect(decode(closeDraft(draft))).toEqual(decode(control));
  });

  it("does without the witness UTXO, whose claim it never needed", () => {
    const draft = openDraft(control);
    draft.inputs = draft.inputs.map((map) => map.filter(({ type }) => type !== 1));
    expect(decode(closeDraft(draft))).toEqual(decode(control));
  });
});

describe("every tampering is refused with its own code", () => {
  let fired = 0;

  it.each(TAMPERINGS.map((tampering) => ({ ...tampering, tampering })))("$code: $name", ({ code, tampering }) => {
    expect(codeOf(control)).toBe("ok");
    const bytes = tampered(tampering);
    expect(toHex(bytes)).not.toBe(toHex(control));
    expect(codeOf(bytes)).toBe(code);
    fired += 1;
  });

  it.each(SIGNATURE_TAMPERINGS.map((tampering) => ({ ...tampering, tampering })))(
    "$code: $name",
    ({ code, tampering }) => {
      expect(codeOf(control, "verify")).toBe("ok");
      expect(codeOf(tampered(tampering), "verify")).toBe(code);
      fired += 1;
    },
  );

  afterAll(() => {
    expect(fired).toBe(TAMPERINGS.length + SIGNATURE_TAMPERINGS.length);
    expect(fired).toBeGreaterThanOrEqual(120);
  });

  it("covers every code of the decoder", () => {
    const decoderCodes = ORDER.slice(0, ORDER.indexOf("SIGNATURES_TOO_FEW"));
    const covered = new Set([...TAMPERINGS, ...SIGNATURE_TAMPERINGS].map(({ code }) => code));
    expect(decoderCodes.filter((code) => !covered.has(code))).toEqual([]);
    expect(decoderCodes.length).toBeGreaterThanOrEqual(60);
  });

  it("is listed in the order of the checks", () => {
    const positions = TAMPERINGS.map(({ code }) => ORDER.indexOf(code));
    expect(positions).toEqual(positions.toSorted((left, right) => left - right));
  });

  it("names the first fault in that order when there are many", () => {
    const pile = TAMPERINGS.filter(({ piled }) => piled);
    for (let first = 0; first < pile.length; first += 1) {
      expect(codeOf(tampered(...pile.slice(first)))).toBe(pile[first]?.code);
    }
    expect(pile.length).toBeGreaterThanOrEqual(20);
  });
});

describe("outputs of the wallet", () => {
  const withOutput = (branch: 0 | 1, index: number) => {
    const draft = openDraft(control);
    const output = draft.transaction.outputs[0];
    if (output !== undefined) output.scriptPubKey = deriveScript(wallet, branch, index).scriptPubKey;
    const decoded = decode(closeDraft(draft));
    if (!decoded.ok) throw new Error(decoded.refusal.detail);
    return decoded.value;
  };

  it("are found although nothing in the bytes says so", () => {
    expect(withOutput(1, GAP_LIMIT - 1).change).toContainEqual({
      index: 0,
      branch: 1,
      pathIndex: GAP_LIMIT - 1,
      amountSat: 250_000n,
    });
    expect(withOutput(0, 4).own).toEqual([{ index: 0, branch: 0, pathIndex: 4, amountSat: 250_000n }]);
    expect(withOutput(0, 4).payments.map(({ index }) => index)).toEqual([1]);
  });

  it("are strangers' from the gap limit on", () => {
    expect(withOutput(1, GAP_LIMIT).payments.map(({ index }) => index)).toEqual([0, 1]);
    expect(withOutput(0, GAP_LIMIT).own).toEqual([]);
  });
});

describe("what is just allowed", () => {
  it("a size of exactly the limit is read, and refused for what follows the last map only", () => {
    const bytes = new Uint8Array(1024 * 1024);
    bytes.set(control);
    expect(codeOf(bytes)).toBe("PSBT_TRAILING_BYTES");
  });

  it("a transaction of exactly what nodes relay is not too large", () => {
    const sized = (outputs: readonly (readonly [count: number, script: Uint8Array])[]) => {
      const draft = openDraft(control);
      for (const [count, scriptPubKey] of outputs) {
        for (let nth = 0; nth < count; nth += 1) {
          draft.transaction.outputs.push({ amountSat: 1_000n, scriptPubKey });
          draft.outputs.push([]);
        }
      }
      const scripts = draft.transaction.outputs.map(({ scriptPubKey }) => scriptPubKey);
      return { vbytes: payoutVbytes(2, scripts), code: codeOf(closeDraft(draft)) };
    };
    const [p2wpkh, p2sh] = [standardScript("p2wpkh", new Uint8Array(20)), standardScript("p2sh", new Uint8Array(20))];
    // An output of P2WPKH has 31 bytes and one of P2SH 32: together they reach any size.
    const more = 100_000 - sized([[3_000, p2wpkh]]).vbytes;
    const last = sized([
      [3_000 + Math.floor(more / 31) - (more % 31), p2wpkh],
      [more % 31, p2sh],
    ]);
    expect(last).toEqual({ vbytes: 100_000, code: "FEE_NEGATIVE" });
    const over = sized([
      [3_000 + Math.floor(more / 31) - (more % 31) - 1, p2wpkh],
      [(more % 31) + 1, p2sh],
    ]);
    expect(over).toEqual({ vbytes: 100_001, code: "TRANSACTION_TOO_LARGE" });
  });

  it("a payment of exactly the dust bound, and no fee at all", () => {
    const draft = openDraft(control);
    const [first, , change] = draft.transaction.outputs;
    if (first === undefined || change === undefined) throw new Error("there are three outputs");
    first.amountSat = 294n;
    change.amountSat = 1_000_000n - 294n - 300_000n;
    expect(decode(closeDraft(draft))).toMatchObject({ ok: true, value: { feeSat: 0n, feeRateSatPerVbyte: 0 } });
  });

  it("inputs and outputs of exactly all that can ever exist", () => {
    const supplySat = 2_100_000_000_000_000n;
    const draft = openDraft(control);
    const raiseSat = supplySat - 1_000_000n;
    changePrevious(
      draft,
      0,
      (previous) => {
        const output = previous.outputs[1];
        if (output !== undefined) output.amountSat += raiseSat;
      },
      true,
    );
    draft.inputs = draft.inputs.map((map) => map.filter(({ type }) => type !== 1));
    const change = draft.transaction.outputs[2];
    if (change === undefined) throw new Error("there are three outputs");
    change.amountSat = supplySat - 550_000n;
    expect(decode(closeDraft(draft))).toMatchObject({ ok: true, value: { feeSat: 0n } });
  });

  it("one input of exactly all that can ever exist, and one output", () => {
    const supplySat = 2_100_000_000_000_000n;
    const draft = openDraft(control);
    changePrevious(
      draft,
      0,
      (previous) => {
        const output = previous.outputs[1];
        if (output !== undefined) output.amountSat = supplySat;
      },
      true,
    );
    draft.transaction.inputs.splice(1);
    draft.inputs = [(draft.inputs[0] ?? []).filter(({ type }) => type !== 1)];
    draft.transaction.outputs.splice(0, 2);
    draft.outputs.splice(0, 2);
    const change = draft.transaction.outputs[0];
    if (change === undefined) throw new Error("there is one output");
    change.amountSat = supplySat;
    expect(decode(closeDraft(draft))).toMatchObject({ ok: true, value: { feeSat: 0n } });
  });

  it("a gap limit of one, and one of 2^31", () => {
    expect(decodePayout(control, wallet, { gapLimit: 1 })).toMatchObject({
      refusal: { code: "INPUT_BEYOND_GAP_LIMIT" },
    });
    expect(decodeSpends(control, wallet, { gapLimit: 2 ** 31 }).ok).toBe(true);
  });
});

describe("the caller's mistakes", () => {
  it("a gap limit that is none throws", () => {
    for (const gapLimit of [0, -1, 1.5, 2 ** 31 + 1, Number.NaN]) {
      expect(() => decodePayout(control, wallet, { gapLimit })).toThrow("gap limit");
    }
  });

  it("a coin beyond the gap limit is refused, one below it is not", () => {
    expect(decodePayout(control, wallet, { gapLimit: 9 }).ok).toBe(true);
    expect(decodePayout(control, wallet, { gapLimit: 8 })).toMatchObject({
      refusal: { code: "OUTPUT_CLAIM_BEYOND_GAP_LIMIT" },
    });
    expect(decodePayout(control, wallet, { gapLimit: 7 })).toMatchObject({
      refusal: { code: "INPUT_BEYOND_GAP_LIMIT" },
    });
  });
});
