// What a curve library has to answer before a key is given to it: published vectors, bit for bit.
import { createHash } from "node:crypto";
import type { NativeCurve } from "./native-curve.ts";

/** @throws Error that names the first wrong answer */
export function checkCurve(curve: NativeCurve): void {
  for (const { key, message, signature } of SIGNATURES) {
    const digest = createHash("sha256").update(message).digest();
    const answer = Buffer.from(curve.ecdsaSign(digest, bytes(key)).signature).toString("hex");
    expectAnswer(answer, signature, `the signature of "${message}" by ${key}`);
  }
  expectAnswer(publicKey(curve, ONE), GENERATOR, "the public key of 1");
  const sum = bytes(ORDER_LESS_ONE);
  curve.privateKeyTweakAdd(sum, bytes(TWO));
  expectAnswer(sum.toString("hex"), ONE, "the order less one, plus two");
  for (const none of [ZERO, ORDER]) {
    if (curve.privateKeyVerify(bytes(none))) throw wrong(`whether ${none} is a key`);
  }
  if (!curve.privateKeyVerify(bytes(ORDER_LESS_ONE))) throw wrong("whether the order less one is a key");
}

/**
 * Deterministic signatures (RFC 6979, SHA-256, low S) over secp256k1 as libraries publish them for these messages;
 * first put together for CoreBitcoin and since in the suites of bitcoinjs-lib, Trezor and many others.
 */
const ZERO = "00".repeat(32);
const ONE = "01".padStart(64, "0");
const TWO = "02".padStart(64, "0");
/** SEC 2, secp256k1: the group's order and its generator. */
const ORDER = "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141";
const ORDER_LESS_ONE = `${ORDER.slice(0, -1)}0`;
const GENERATOR = "0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798";

export const SIGNATURES: readonly { readonly key: string; readonly message: string; readonly signature: string }[] = [
  {
    key: ONE,
    message: "Satoshi Nakamoto",
    signature:
      "934b1ea10a4b3c1757e2b0c017d0b6143ce3c9a7e6a4a49860d7a6ab210ee3d8" +
      "2442ce9d2b916064108014783e923ec36b49743e2ffa1c4496f01a512aafd9e5",
  },
  {
    key: ONE,
    message: "All those moments will be lost in time, like tears in rain. Time to die...",
    signature:
      "8600dbd41e348fe5c9465ab92d23e3db8b98b873beecd930736488696438cb6b" +
      "547fe64427496db33bf66019dacbf0039c04199abb0122918601db38a72cfc21",
  },
  {
    key: ORDER_LESS_ONE,
    message: "Satoshi Nakamoto",
    signature:
      "fd567d121db66e382991534ada77a6bd3106f0a1098c231e47993447cd6af2d0" +
      "6b39cd0eb1bc8603e159ef5c20a5c8ad685a45b06ce9bebed3f153d10d93bed5",
  },
  {
    key: "f8b8af8ce3c7cca5e300d33939540c10d45ce001b8f252bfbc57ba0342904181",
    message: "Alan Turing",
    signature:
      "7063ae83e7f62bbb171798131b4a0564b956930092b33b07b395615d9ec7e15c" +
      "58dfcc1e00a35e1572f366ffe34ba0fc47db1e7189759b9fb233c5b05ab388ea",
  },
];

function publicKey(curve: NativeCurve, key: string): string {
  return Buffer.from(curve.publicKeyCreate(bytes(key), true)).toString("hex");
}

function expectAnswer(answer: string, published: string, what: string): void {
  if (answer !== published) throw wrong(what);
}

function wrong(what: string): Error {
  return new Error(`the curve library answers wrongly: ${what}`);
}

function bytes(hex: string): Buffer {
  return Buffer.from(hex, "hex");
}
