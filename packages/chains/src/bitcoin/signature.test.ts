// Signatures in strict DER: against a second implementation, and each fault by its name.
import { script as oracle } from "bitcoinjs-lib";
import fc from "fast-check";
import { pointFromScalar, sign } from "tiny-secp256k1";
import { describe, expect, it } from "vitest";
import { highS } from "../../test/holders.ts";
import { sha256 } from "./hashing.ts";
import { isLowS, isValidSignature, readSignature, writeSignature } from "./signature.ts";
import { concatBytes, fromHex, toHex } from "./wire.ts";

const ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
const privateKey = sha256(Uint8Array.of(1));
const publicKey = pointFromScalar(privateKey, true) ?? new Uint8Array();
const digest = sha256(Uint8Array.of(2));
const scalar = (value: bigint) => fromHex(value.toString(16).padStart(64, "0"));

describe("a signature", () => {
  it("is written as a second implementation writes it, at most 72 bytes, and read back", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (message) => {
        const compact = sign(message, privateKey);
        const written = writeSignature(compact);
        expect(toHex(written)).toBe(toHex(oracle.signature.encode(compact, 1)));
        expect(written.length).toBeLessThanOrEqual(72);
        expect(readSignature(written)).toEqual({ ok: true, value: compact });
        expect(isValidSignature(message, publicKey, compact)).toBe(true);
      }),
    );
  });

  it("with small numbers is written short and read back", () => {
    for (const [r, s] of [
      [1n, 1n],
      [0x7fn, 0x80n],
      [0xffn, 0x1_00n],
      [ORDER - 1n, ORDER / 2n],
    ] as const) {
      const compact = concatBytes(scalar(r), scalar(s));
      expect(toHex(writeSignature(compact))).toBe(toHex(oracle.signature.encode(compact, 1)));
      expect(readSignature(writeSignature(compact))).toEqual({ ok: true, value: compact });
    }
  });

  it("is refused with any changed byte, or is another signature that does not verify", () => {
    const written = writeSignature(sign(digest, privateKey));
    fc.assert(
      fc.property(fc.nat(written.length - 1), fc.integer({ min: 1, max: 255 }), (at, mask) => {
        const changed = Uint8Array.from(written, (byte, position) => (position === at ? byte ^ mask : byte));
        const read = readSignature(changed);
        expect(read.ok && isValidSignature(digest, publicKey, read.value)).toBe(false);
      }),
      { numRuns: 2_000 },
    );
  });

  const compact = sign(digest, privateKey);
  const written = writeSignature(compact);
  const r = written.subarray(2, 4 + (written[3] ?? 0));
  const s = written.subarray(2 + r.length, -1);
  const der = (...parts: readonly Uint8Array[]) => {
    const body = concatBytes(...parts);
    return concatBytes(Uint8Array.of(0x30, body.length), body, Uint8Array.of(1));
  };
  const integer = (value: bigint) => {
    const hex = value.toString(16);
    const bytes = fromHex(hex.length % 2 ? `0${hex}` : hex);
    const padded = (bytes[0] ?? 0) >= 0x80 ? concatBytes(Uint8Array.of(0), bytes) : bytes;
    return concatBytes(Uint8Array.of(2, padded.length), padded);
  };

  it.each([
    ["nothing", new Uint8Array(), "MALFORMED"],
    ["no sighash type", written.subarray(0, -1), "MALFORMED"],
    ["SIGHASH_NONE", concatBytes(written.subarray(0, -1), Uint8Array.of(2)), "SIGHASH_TYPE"],
    ["SIGHASH_SINGLE", concatBytes(written.subarray(0, -1), Uint8Array.of(3)), "SIGHASH_TYPE"],
    ["SIGHASH_ALL and ANYONECANPAY", concatBytes(written.subarray(0, -1), Uint8Array.of(0x81)), "SIGHASH_TYPE"],
    ["type 0", concatBytes(written.subarray(0, -1), Uint8Array.of(0)), "SIGHASH_TYPE"],
    ["high S", writeSignature(highS(compact)), "HIGH_S"],
    ["a padded R", der(concatBytes(Uint8Array.of(2, r.length - 1, 0), r.subarray(2)), s), "MALFORMED"],
    ["a padded S", der(r, concatBytes(Uint8Array.of(2, s.length - 1, 0), s.subarray(2))), "MALFORMED"],
    ["a negative S", der(r, Uint8Array.of(2, 1, 0x80)), "MALFORMED"],
    ["an empty S", der(r, Uint8Array.of(2, 0)), "MALFORMED"],
    ["R of zero", der(integer(0n), s), "MALFORMED"],
    ["S of zero", der(r, integer(0n)), "MALFORMED"],
    ["R of the order", der(integer(ORDER), s), "MALFORMED"],
    ["S of the order", der(r, integer(ORDER)), "MALFORMED"],
    ["R of 33 bytes", der(integer(1n << 257n), s), "MALFORMED"],
    ["a third number", der(r, s, integer(1n)), "MALFORMED"],
    ["a byte between S and type", concatBytes(written.subarray(0, -1), Uint8Array.of(0, 1)), "MALFORMED"],
    ["another tag", der(concatBytes(Uint8Array.of(3), r.subarray(1)), s), "MALFORMED"],
  ] as const)("is refused with %s", (_, bytes, code) => {
    expect(readSignature(der(r, s)).ok).toBe(true);
    expect(readSignature(bytes)).toEqual({ ok: false, refusal: code });
  });

  it("has a low S up to half the order, and none above", () => {
    const withS = (value: bigint) => concatBytes(scalar(1n), scalar(value));
    expect(isLowS(withS(ORDER / 2n))).toBe(true);
    expect(isLowS(withS(ORDER / 2n + 1n))).toBe(false);
    expect(readSignature(writeSignature(withS(ORDER / 2n))).ok).toBe(true);
    expect(readSignature(writeSignature(withS(ORDER / 2n + 1n)))).toEqual({ ok: false, refusal: "HIGH_S" });
  });

  it("in compact form is low only with 64 bytes and numbers within the order", () => {
    expect(isLowS(compact)).toBe(true);
    expect(isLowS(highS(compact))).toBe(false);
    expect(isLowS(compact.subarray(0, 63))).toBe(false);
    expect(isLowS(concatBytes(compact, Uint8Array.of(0)))).toBe(false);
    expect(isLowS(concatBytes(scalar(ORDER), compact.subarray(32)))).toBe(false);
    expect(isLowS(new Uint8Array(64))).toBe(false);
    expect(isValidSignature(digest, publicKey, highS(compact))).toBe(false);
  });
});
