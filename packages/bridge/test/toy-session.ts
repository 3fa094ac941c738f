// A session for simulations of many histories: quick, and worth nothing against an enemy. It watches what a cipher needs.
import { crc32c } from "@node-rs/crc32";
import { HANDSHAKE_BYTES, type Handshakes, SESSION_OVERHEAD_BYTES, type Session } from "../src/session.ts";

export interface ToyOptions {
  readonly localName: string;
  readonly peerName: string;
  /** 64 random bits for each handshake. */
  readonly bits64: () => bigint;
  /** Told when one nonce of one key would be used for two different texts. */
  readonly onNonceReused?: () => void;
}

/** Both ends must have the same two names, the other way round; that is all that it checks. */
export function toyHandshakes(options: ToyOptions): Handshakes {
  const role = options.localName < options.peerName ? "initiator" : "responder";
  const names = [options.localName, options.peerName].toSorted().join();
  const messageOf = (own: bigint, peer: bigint): Uint8Array => {
    const message = Buffer.alloc(HANDSHAKE_BYTES);
    message.writeBigUInt64BE(own);
    message.writeBigUInt64BE(peer, 8);
    message.writeUInt32BE(crc32c(Buffer.concat([message.subarray(0, 16), Buffer.from(names)])), 16);
    return message;
  };
  const isGood = (message: Uint8Array): boolean => {
    const [own, peer] = [numberIn(message, 0), numberIn(message, 8)];
    return Buffer.from(message).equals(messageOf(own, peer));
  };
  return {
    role,
    ask: () => {
      const own = options.bits64();
      return {
        message: messageOf(own, 0n),
        finish: (answer) =>
          isGood(answer) && numberIn(answer, 8) === own
            ? new ToySession(own ^ numberIn(answer, 0), role, options.onNonceReused)
            : undefined,
      };
    },
    answer: (question) => {
      if (!isGood(question)) return undefined;
      const own = options.bits64();
      const session = new ToySession(own ^ numberIn(question, 0), role, options.onNonceReused);
      return { message: messageOf(own, numberIn(question, 0)), session };
    },
  };
}

class ToySession implements Session {
  readonly id: bigint;
  readonly #role: Handshakes["role"];
  readonly #onNonceReused: (() => void) | undefined;
  readonly #used = new Map<string, number>();
  #dropped = false;

  constructor(id: bigint, role: Handshakes["role"], onNonceReused: (() => void) | undefined) {
    this.id = id;
    this.#role = role;
    this.#onNonceReused = onNonceReused;
  }

  seal({ lane, number }: Parameters<Session["seal"]>[0], header: Uint8Array, body: Uint8Array): Uint8Array {
    if (this.#dropped) throw new Error("the session is over");
    const tag = this.#tag(this.#role, lane, number, header, body);
    const name = `${lane}${number}`;
    if (this.#used.get(name) !== undefined) this.#onNonceReused?.();
    this.#used.set(name, tag.readUInt32BE());
    return Buffer.concat([body, tag]);
  }

  open(
    { lane, number }: Parameters<Session["open"]>[0],
    header: Uint8Array,
    sealed: Uint8Array,
  ): Uint8Array | undefined {
    if (this.#dropped) return undefined;
    const body = sealed.subarray(0, sealed.length - SESSION_OVERHEAD_BYTES);
    const from = this.#role === "initiator" ? "responder" : "initiator";
    const isGood = this.#tag(from, lane, number, header, body).equals(sealed.subarray(body.length));
    return isGood ? body : undefined;
  }

  drop(): void {
    this.#dropped = true;
  }

  #tag(from: string, lane: string, number: number, header: Uint8Array, body: Uint8Array): Buffer {
    const tag = Buffer.alloc(SESSION_OVERHEAD_BYTES);
    const name = Buffer.alloc(18);
    name.writeBigUInt64BE(this.id);
    name.writeDoubleBE(number, 8);
    name[16] = from === "initiator" ? 1 : 0;
    name[17] = lane === "data" ? 1 : 0;
    tag.writeUInt32BE(crc32c(body, crc32c(header, crc32c(name))));
    return tag;
  }
}

function numberIn(message: Uint8Array, at: number): bigint {
  return Buffer.from(message.buffer, message.byteOffset, message.byteLength).readBigUInt64BE(at);
}
