// Sessions by Noise_KK_25519_ChaChaPoly_SHA256: what makes the bridge secret, authentic and safe against replay.
import { decrypt, encrypt, type Nonce } from "./noise/chacha-poly.ts";
import { KkHandshake, type KkResult } from "./noise/kk.ts";
import { type KeyPair, keyPairFrom } from "./noise/x25519.ts";
import type { Answer, FrameNumber, Handshakes, Question, Session } from "./session.ts";

export interface NoiseOptions {
  readonly localName: string;
  readonly peerName: string;
  /** Tells apart several lines between the same two. */
  readonly linkId: string;
  /** Of the blockchain, such as regtest: an end of one network never talks to one of another. */
  readonly network: string;
  /** Of the messages that cross. */
  readonly schema: string;
  readonly key: KeyPair;
  readonly peerPublicKey: Uint8Array;
  /** So many random bytes, fit for keys. */
  readonly randomBytes: (length: number) => Uint8Array;
}

export function noiseHandshakes(options: NoiseOptions): Handshakes {
  const role = options.localName < options.peerName ? "initiator" : "responder";
  const prologue = prologueOf(options, role);
  const begin = (): KkHandshake => {
    const { key: own, peerPublicKey, randomBytes } = options;
    const scalar = randomBytes(32);
    const ephemeral = keyPairFrom(scalar);
    scalar.fill(0);
    return new KkHandshake({ role, prologue, own, peerPublicKey, ephemeral });
  };
  return {
    role,
    ask: (): Question => {
      const handshake = begin();
      const message = handshake.writeMessage(NOTHING);
      return {
        message,
        finish: (answer) => (isEmpty(handshake.readMessage(answer)) ? new NoiseSession(handshake.split()) : undefined),
      };
    },
    answer: (question): Answer | undefined => {
      const handshake = begin();
      if (!isEmpty(handshake.readMessage(question))) return undefined;
      const message = handshake.writeMessage(NOTHING);
      return { message, session: new NoiseSession(handshake.split()) };
    },
  };
}

class NoiseSession implements Session {
  readonly id: bigint;
  readonly #sendKey: Uint8Array;
  readonly #receiveKey: Uint8Array;
  readonly #sealed = { data: -1, control: -1 };
  #dropped = false;

  constructor({ sendKey, receiveKey, transcript }: KkResult) {
    this.#sendKey = sendKey;
    this.#receiveKey = receiveKey;
    this.id = Buffer.from(transcript).readBigUInt64BE();
  }

  seal(number: FrameNumber, header: Uint8Array, body: Uint8Array): Uint8Array {
    if (this.#dropped) throw new Error("the session is over");
    // Two texts under one nonce would give both away and let an enemy forge more.
    if (number.number <= this.#sealed[number.lane]) throw new Error("a nonce would be used twice");
    this.#sealed[number.lane] = number.number;
    return encrypt(this.#sendKey, nonceOf(number), header, body);
  }

  open(number: FrameNumber, header: Uint8Array, sealed: Uint8Array): Uint8Array | undefined {
    return this.#dropped ? undefined : decrypt(this.#receiveKey, nonceOf(number), header, sealed);
  }

  drop(): void {
    this.#dropped = true;
    this.#sendKey.fill(0);
    this.#receiveKey.fill(0);
  }
}

/** What both ends must agree on, each field behind its length, so that no two sets of fields look alike. */
function prologueOf(options: NoiseOptions, role: Handshakes["role"]): Uint8Array {
  const { localName, peerName, linkId, schema, network } = options;
  const names = role === "initiator" ? [localName, peerName] : [peerName, localName];
  const fields = ["sluice bridge", PROTOCOL, linkId, ...names, schema, network];
  return Buffer.concat(
    fields.flatMap((field) => {
      const text = Buffer.from(field, "utf8");
      const length = Buffer.alloc(2);
      length.writeUInt16BE(text.length);
      return [length, text];
    }),
  );
}

/** The upper bit tells the lanes apart; numbers stay below 2^53. */
function nonceOf({ lane, number }: FrameNumber): Nonce {
  const high = Math.floor(number / TWO_TO_32);
  return { high: lane === "control" ? high + CONTROL_BIT : high, low: number % TWO_TO_32 };
}

/** Neither message carries anything: message 1 can be played again, and there is nothing to say before the end. */
function isEmpty(payload: Uint8Array | undefined): boolean {
  return payload !== undefined && payload.length === 0;
}

const PROTOCOL = "2";
const NOTHING = new Uint8Array(0);
const TWO_TO_32 = 2 ** 32;
const CONTROL_BIT = 2 ** 31;
