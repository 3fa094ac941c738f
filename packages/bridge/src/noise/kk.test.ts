// Noise KK against published vectors, against every altered byte, and against keys that give nothing to share.
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { decrypt, encrypt } from "./chacha-poly.ts";
import { KK_MESSAGE_BYTES, KkHandshake, type KkOptions, type KkResult } from "./kk.ts";
import type { HashName } from "./symmetric-state.ts";
import { keyPairFrom, sharedSecret } from "./x25519.ts";

interface Vector {
  readonly source: string;
  readonly protocol_name: string;
  readonly init_prologue: string;
  readonly init_static: string;
  readonly init_ephemeral: string;
  readonly init_remote_static: string;
  readonly resp_prologue: string;
  readonly resp_static: string;
  readonly resp_ephemeral: string;
  readonly resp_remote_static: string;
  readonly handshake_hash?: string;
  readonly messages: readonly { readonly payload: string; readonly ciphertext: string }[];
}

const { vectors } = JSON.parse(readFileSync(new URL("../../test/vectors/noise-kk.json", import.meta.url), "utf8")) as {
  readonly vectors: readonly Vector[];
};

const EMPTY = new Uint8Array(0);
const bytes = (hex: string): Buffer => Buffer.from(hex, "hex");
const pair = (fill: number) => keyPairFrom(new Uint8Array(32).fill(fill));
const [LEFT, RIGHT, STRANGER] = [pair(1), pair(2), pair(3)];
const PROLOGUE = Buffer.from("test");

/** An initiator and a responder that agree on everything; `changes` makes one of them another. */
function ends(changes: { readonly initiator?: Partial<KkOptions>; readonly responder?: Partial<KkOptions> } = {}) {
  const initiator = new KkHandshake({
    role: "initiator",
    prologue: PROLOGUE,
    own: LEFT,
    peerPublicKey: RIGHT.publicKey,
    ephemeral: pair(11),
    ...changes.initiator,
  });
  const responder = new KkHandshake({
    role: "responder",
    prologue: PROLOGUE,
    own: RIGHT,
    peerPublicKey: LEFT.publicKey,
    ephemeral: pair(12),
    ...changes.responder,
  });
  return { initiator, responder };
}

describe("published vectors", () => {
  test("there are four: each of two sources with each of two hashes", () => {
    expect(vectors.map(({ source, protocol_name }) => `${source} ${protocol_name}`).toSorted()).toEqual([
      "cacophony Noise_KK_25519_ChaChaPoly_BLAKE2s",
      "cacophony Noise_KK_25519_ChaChaPoly_SHA256",
      "snow Noise_KK_25519_ChaChaPoly_BLAKE2s",
      "snow Noise_KK_25519_ChaChaPoly_SHA256",
    ]);
  });

  test.each(vectors)("$source $protocol_name", (vector) => {
    const hash: HashName = vector.protocol_name.endsWith("SHA256") ? "sha256" : "blake2s256";
    const initiator = new KkHandshake({
      role: "initiator",
      prologue: bytes(vector.init_prologue),
      own: keyPairFrom(bytes(vector.init_static)),
      peerPublicKey: bytes(vector.init_remote_static),
      ephemeral: keyPairFrom(bytes(vector.init_ephemeral)),
      hash,
    });
    const responder = new KkHandshake({
      role: "responder",
      prologue: bytes(vector.resp_prologue),
      own: keyPairFrom(bytes(vector.resp_static)),
      peerPublicKey: bytes(vector.resp_remote_static),
      ephemeral: keyPairFrom(bytes(vector.resp_ephemeral)),
      hash,
    });
    const [first, second, ...transport] = vector.messages;
    if (first === undefined || second === undefined) throw new Error("a vector has two handshake messages");
    expect(hex(initiator.writeMessage(bytes(first.payload)))).toBe(first.ciphertext);
    expect(hex(responder.readMessage(bytes(first.ciphertext)))).toBe(first.payload);
    expect(hex(responder.writeMessage(bytes(second.payload)))).toBe(second.ciphertext);
    expect(hex(initiator.readMessage(bytes(second.ciphertext)))).toBe(second.payload);
    const [atInitiator, atResponder] = [initiator.split(), responder.split()];
    expect(atInitiator.transcript).toEqual(atResponder.transcript);
    if (vector.handshake_hash !== undefined) expect(hex(atInitiator.transcript)).toBe(vector.handshake_hash);
    checkTransport(transport, atInitiator, atResponder);
  });
});

/** The initiator sends the first, the responder the second, and so on; each counts its own nonces. */
function checkTransport(messages: Vector["messages"], atInitiator: KkResult, atResponder: KkResult): void {
  expect(messages.length).toBeGreaterThanOrEqual(2);
  for (const [index, { payload, ciphertext }] of messages.entries()) {
    const [sender, receiver] = index % 2 === 0 ? [atInitiator, atResponder] : [atResponder, atInitiator];
    const nonce = { high: 0, low: Math.floor(index / 2) };
    expect(hex(encrypt(sender.sendKey, nonce, EMPTY, bytes(payload)))).toBe(ciphertext);
    expect(hex(decrypt(receiver.receiveKey, nonce, EMPTY, bytes(ciphertext)))).toBe(payload);
  }
}

describe("what does not verify", () => {
  test("untampered control: both messages verify and both ends hold the same keys", () => {
    const { initiator, responder } = ends();
    const first = initiator.writeMessage(EMPTY);
    expect([first.length, responder.readMessage(first)]).toEqual([KK_MESSAGE_BYTES, Buffer.alloc(0)]);
    expect(initiator.readMessage(responder.writeMessage(EMPTY))).toEqual(Buffer.alloc(0));
    const [atInitiator, atResponder] = [initiator.split(), responder.split()];
    expect([atInitiator.sendKey, atInitiator.receiveKey]).toEqual([atResponder.receiveKey, atResponder.sendKey]);
    expect(atInitiator.sendKey).not.toEqual(atInitiator.receiveKey);
  });

  test("every single byte of both messages, with a bit flipped", () => {
    let refused = 0;
    for (let byte = 0; byte < KK_MESSAGE_BYTES; byte++) {
      const bit = 8 * byte + (byte % 8);
      const first = ends();
      const altered = flip(first.initiator.writeMessage(EMPTY), bit);
      if (first.responder.readMessage(altered) === undefined) refused++;
      const second = ends();
      second.responder.readMessage(second.initiator.writeMessage(EMPTY));
      if (second.initiator.readMessage(flip(second.responder.writeMessage(EMPTY), bit)) === undefined) refused++;
    }
    process.stdout.write(`noise: ${refused} of ${2 * KK_MESSAGE_BYTES} altered bytes refused\n`);
    expect(refused).toBe(2 * KK_MESSAGE_BYTES);
  });

  test("a message cut short anywhere", () => {
    for (let length = 0; length < KK_MESSAGE_BYTES; length++) {
      const { initiator, responder } = ends();
      expect(responder.readMessage(initiator.writeMessage(EMPTY).subarray(0, length))).toBeUndefined();
    }
  });

  test.each([
    ["another prologue", { responder: { prologue: Buffer.from("Test") } }],
    ["an initiator with another key", { initiator: { own: STRANGER } }],
    ["an initiator that expects another responder", { initiator: { peerPublicKey: STRANGER.publicKey } }],
    ["a responder with another key", { responder: { own: STRANGER } }],
    ["a responder that expects another initiator", { responder: { peerPublicKey: STRANGER.publicKey } }],
    ["another hash", { responder: { hash: "blake2s256" as const } }],
  ])("%s", (_, changes) => {
    const { initiator, responder } = ends(changes);
    expect(responder.readMessage(initiator.writeMessage(EMPTY))).toBeUndefined();
    expect(() => responder.split()).toThrow("not complete");
  });

  test("an answer to another first message", () => {
    const [one, other] = [ends(), ends({ initiator: { ephemeral: pair(13) } })];
    one.initiator.writeMessage(EMPTY);
    other.responder.readMessage(other.initiator.writeMessage(EMPTY));
    expect(one.initiator.readMessage(other.responder.writeMessage(EMPTY))).toBeUndefined();
  });

  test("anything out of turn throws, since only we could have done it", () => {
    const { initiator, responder } = ends();
    expect(() => initiator.readMessage(EMPTY)).toThrow();
    expect(() => responder.writeMessage(EMPTY)).toThrow();
    expect(() => initiator.split()).toThrow();
  });
});

/** The points of small order on Curve25519 and its twist, as listed at cr.yp.to/ecdh.html, section "contributory behaviour". */
const LOW_ORDER = [
  "0000000000000000000000000000000000000000000000000000000000000000",
  "0100000000000000000000000000000000000000000000000000000000000000",
  "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
  "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
  "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
];

describe("public keys of low order", () => {
  test.each(LOW_ORDER)("%s shares nothing", (key) => {
    expect(sharedSecret(LEFT, bytes(key))).toBeUndefined();
    const { responder } = ends();
    expect(responder.readMessage(Buffer.concat([bytes(key), new Uint8Array(16)]))).toBeUndefined();
    const { initiator } = ends();
    initiator.writeMessage(EMPTY);
    expect(initiator.readMessage(Buffer.concat([bytes(key), new Uint8Array(16)]))).toBeUndefined();
  });
});

function flip(message: Uint8Array, bit: number): Uint8Array {
  const altered = Uint8Array.from(message);
  altered[bit >> 3] = (altered[bit >> 3] as number) ^ (1 << (bit & 7));
  return altered;
}

function hex(data: Uint8Array | undefined): string | undefined {
  return data === undefined ? undefined : Buffer.from(data).toString("hex");
}
