// The Noise handshake KK (revision 34, section 7.5): both ends know each other's static key before they begin.
import { TAG_BYTES } from "./chacha-poly.ts";
import { type HashName, SymmetricState } from "./symmetric-state.ts";
import { KEY_BYTES, type KeyPair, sharedSecret } from "./x25519.ts";

export interface KkOptions {
  readonly role: "initiator" | "responder";
  /** Both ends must give the same, or no message verifies. */
  readonly prologue: Uint8Array;
  readonly own: KeyPair;
  readonly peerPublicKey: Uint8Array;
  /** Drawn for this handshake and used for nothing else. */
  readonly ephemeral: KeyPair;
  readonly hash?: HashName;
}

export interface KkResult {
  readonly sendKey: Uint8Array;
  readonly receiveKey: Uint8Array;
  /** The same at both ends and in no other handshake. */
  readonly transcript: Uint8Array;
}

/** A message with an empty payload. */
export const KK_MESSAGE_BYTES = KEY_BYTES + TAG_BYTES;

type Token = "ee" | "es" | "se" | "ss";
/** -> e, es, ss   <- e, ee, se */
const MESSAGES: readonly (readonly Token[])[] = [
  ["es", "ss"],
  ["ee", "se"],
];
const PROTOCOL_NAMES: Readonly<Record<HashName, string>> = {
  sha256: "Noise_KK_25519_ChaChaPoly_SHA256",
  blake2s256: "Noise_KK_25519_ChaChaPoly_BLAKE2s",
};

/**
 * One handshake. Message 1 can be recorded and played again to the responder, which cannot tell: it becomes certain of
 * the initiator only by the first transport message that verifies.
 */
export class KkHandshake {
  readonly #options: KkOptions;
  readonly #state: SymmetricState;
  #peerEphemeral: Uint8Array | undefined;
  #next = 0;
  #failed = false;

  constructor(options: KkOptions) {
    this.#options = options;
    const { role, own, peerPublicKey, prologue, hash = "sha256" } = options;
    this.#state = new SymmetricState(hash, PROTOCOL_NAMES[hash]);
    this.#state.mixHash(prologue);
    const statics = [own.publicKey, peerPublicKey];
    for (const key of role === "initiator" ? statics : statics.toReversed()) this.#state.mixHash(key);
  }

  writeMessage(payload: Uint8Array): Uint8Array {
    const { ephemeral } = this.#options;
    const tokens = this.#begin("write");
    this.#state.mixHash(ephemeral.publicKey);
    // A peer's ephemeral key was checked when it came and its static key when it was pinned, so none fails here.
    if (!this.#mixAll(tokens)) throw new Error("a public key is of low order");
    return Buffer.concat([ephemeral.publicKey, this.#state.encryptAndHash(payload)]);
  }

  /** The payload; undefined when the message is not from the pinned peer, for this prologue, in this handshake. */
  readMessage(message: Uint8Array): Uint8Array | undefined {
    const tokens = this.#begin("read");
    const payload = message.length < KK_MESSAGE_BYTES ? undefined : this.#read(tokens, message);
    if (payload === undefined) this.wipe();
    return payload;
  }

  /** After both messages. */
  split(): KkResult {
    if (this.#failed || this.#next !== MESSAGES.length) throw new Error("the handshake is not complete");
    const transcript = new Uint8Array(this.#state.transcript);
    const [forInitiator, forResponder] = this.#state.split();
    this.#failed = true;
    return this.#options.role === "initiator"
      ? { sendKey: forInitiator, receiveKey: forResponder, transcript }
      : { sendKey: forResponder, receiveKey: forInitiator, transcript };
  }

  /** Nothing more comes of it. */
  wipe(): void {
    this.#failed = true;
    this.#state.wipe();
  }

  #begin(action: "write" | "read"): readonly Token[] {
    const writer = this.#next === 0 ? "initiator" : "responder";
    const tokens = MESSAGES[this.#next];
    if (this.#failed || tokens === undefined || (writer === this.#options.role) !== (action === "write"))
      throw new Error(`no message is to be ${action === "write" ? "written" : "read"} now`);
    this.#next++;
    return tokens;
  }

  #read(tokens: readonly Token[], message: Uint8Array): Uint8Array | undefined {
    const peerEphemeral = new Uint8Array(message.subarray(0, KEY_BYTES));
    this.#peerEphemeral = peerEphemeral;
    this.#state.mixHash(peerEphemeral);
    return this.#mixAll(tokens) ? this.#state.decryptAndHash(message.subarray(KEY_BYTES)) : undefined;
  }

  /** The first letter of a token is the initiator's key, the second the responder's. */
  #mixAll(tokens: readonly Token[]): boolean {
    const { role, own, peerPublicKey, ephemeral } = this.#options;
    for (const token of tokens) {
      const [ownLetter, peerLetter] = role === "initiator" ? [token[0], token[1]] : [token[1], token[0]];
      const peer = peerLetter === "e" ? this.#peerEphemeral : peerPublicKey;
      const secret = peer === undefined ? undefined : sharedSecret(ownLetter === "e" ? ephemeral : own, peer);
      if (secret === undefined) return false;
      this.#state.mixKey(secret);
      secret.fill(0);
    }
    return true;
  }
}
