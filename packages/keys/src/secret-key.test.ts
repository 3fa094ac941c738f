// The key from its first byte on: guarded, signing what a published vector says, and gone when wiped.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { guarded } from "./guarded-memory.ts";
import { holdSecretKey } from "./secret-key.ts";

function read(hex: string) {
  const bytes = Buffer.from(hex, "hex");
  const key = guarded(bytes.length);
  key.set(bytes);
  return holdSecretKey(key);
}

const ORDER = "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141";
const ORDER_LESS_ONE = `${ORDER.slice(0, -1)}0`;
const number = (value: number) => Buffer.from(value.toString(16).padStart(64, "0"), "hex");
const locked = () => Number(/VmLck:\s+(\d+)/.exec(readFileSync("/proc/self/status", "utf8"))?.[1]);

describe("a secret key", () => {
  test.each([
    ["KEY_INVALID", "01".repeat(31)],
    ["KEY_INVALID", "01".repeat(33)],
    ["KEY_INVALID", "00".repeat(32)],
    ["KEY_INVALID", ORDER],
  ])("is refused with %s", (code, hex) => {
    expect(() => read(hex)).toThrow(expect.objectContaining({ code }));
  });

  test("that is refused is overwritten", () => {
    const key = guarded(32);
    key.fill(0xff);
    expect(() => holdSecretKey(key)).toThrow(expect.objectContaining({ code: "KEY_INVALID" }));
    expect(key.every((byte) => byte === 0)).toBe(true);
  });

  test("lies in memory that the kernel has locked", () => {
    const before = locked();
    read("01".repeat(32));
    expect(locked()).toBeGreaterThan(before);
  });

  test("has the public key that belongs to it", () => {
    // The generator of the curve (SEC 2, secp256k1).
    expect(Buffer.from(read(number(1).toString("hex")).publicKey).toString("hex")).toBe(
      "0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798",
    );
  });

  // The deterministic signature (RFC 6979, low S) of "Satoshi Nakamoto" by the key 1, as many libraries publish it.
  const digest = createHash("sha256").update("Satoshi Nakamoto").digest();
  const signature =
    "934b1ea10a4b3c1757e2b0c017d0b6143ce3c9a7e6a4a49860d7a6ab210ee3d8" +
    "2442ce9d2b916064108014783e923ec36b49743e2ffa1c4496f01a512aafd9e5";

  test("signs with key plus tweak, modulo the order, as often as it is asked", () => {
    const key = read(ORDER_LESS_ONE);
    for (let time = 0; time < 3; time += 1) {
      expect(Buffer.from(key.sign(number(2), digest)).toString("hex")).toBe(signature);
    }
    expect(Buffer.from(key.sign(number(3), digest)).toString("hex")).not.toBe(signature);
  });

  test("signs nothing with a tweak that is out of range, or that leaves no key, and goes on", () => {
    const key = read(ORDER_LESS_ONE);
    for (const tweak of [Buffer.from(ORDER, "hex"), number(1)]) expect(() => key.sign(tweak, digest)).toThrow("tweak");
    expect(Buffer.from(key.sign(number(2), digest)).toString("hex")).toBe(signature);
  });

  test("signs nothing once it is wiped", () => {
    const key = read(ORDER_LESS_ONE);
    key.wipe();
    key.wipe();
    expect(() => key.sign(number(2), digest)).toThrow(expect.objectContaining({ code: "KEY_WIPED" }));
  });
});
