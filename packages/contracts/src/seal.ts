// Seals: an Ed25519 signature over the exact bytes that travel (RFC 8032). Nobody re-encodes in order to verify.
import { createPublicKey, type KeyObject, sign, verify } from "node:crypto";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import type { Result } from "@sluice/core";
import { EnvelopeSchema, SealedContentSchema } from "../gen/sluice/v1/envelope_pb.js";
import { decodeMessage, encodeMessage, type MessageOf } from "./messages.ts";
import type { Producer } from "./producers.ts";
import { isMessageType, type MessageType, maySeal } from "./table.ts";
import type { Trust } from "./trust.ts";

/** Larger envelopes are refused unread: a task of 1 MiB and its clearances fit, a flood does not. */
export const ENVELOPE_MAX_BYTES = 4 * 1024 * 1024;

const DOMAIN = "sluice/seal/v1";

export type Sealer = { readonly producer: Producer; readonly keyId: string; readonly privateKey: KeyObject };

export type OutgoingMessage<T extends MessageType> = {
  /** Unique for this producer, and the same when the same message is made again. */
  readonly id: string;
  readonly key: string;
  readonly occurredAtMs: number;
  readonly message: MessageOf<T>;
};

export type OpenedOf<T extends MessageType> = {
  readonly type: T;
  readonly id: string;
  readonly key: string;
  readonly producer: Producer;
  readonly keyId: string;
  readonly occurredAtMs: number;
  readonly message: MessageOf<T>;
  /** The envelope exactly as it came, to be passed on unchanged. */
  readonly envelope: Uint8Array;
};

export type Opened = { [T in MessageType]: OpenedOf<T> }[MessageType];

export type SealRefusal = {
  readonly code:
    | "ENVELOPE_TOO_LARGE"
    | "ENVELOPE_MALFORMED"
    | "TYPE_UNKNOWN"
    | "TYPE_UNEXPECTED"
    | "PRODUCER_NOT_PERMITTED"
    | "SEAL_KEY_UNKNOWN"
    | "SEAL_KEY_REVOKED"
    | "SEAL_KEY_EXPIRED"
    | "SEAL_INVALID"
    | "PAYLOAD_MALFORMED";
  readonly detail: string;
};

/**
 * Seals a message and returns the envelope's bytes.
 * @throws TypeError when the value does not fit its message, or the producer may not send it: both are our own bugs.
 */
export function seal<T extends MessageType>(sealer: Sealer, type: T, outgoing: OutgoingMessage<T>): Uint8Array {
  if (!maySeal(sealer.producer, type)) throw new TypeError(`${sealer.producer} may not seal ${type}`);
  const content = toBinary(
    SealedContentSchema,
    create(SealedContentSchema, {
      id: outgoing.id,
      type,
      key: outgoing.key,
      producer: sealer.producer,
      occurredAtMs: BigInt(outgoing.occurredAtMs),
      payload: encodeMessage(type, outgoing.message),
    }),
  );
  const signature = sign(null, sealedBytes(sealer.keyId, content), sealer.privateKey);
  return toBinary(EnvelopeSchema, create(EnvelopeSchema, { content, keyId: sealer.keyId, signature }));
}

/**
 * Opens an envelope: checks size, form, permitted producer, key, seal, payload, in this order, and believes nothing
 * before the seal held. Never throws for any bytes.
 */
export function open<T extends MessageType>(
  trust: Trust,
  envelope: Uint8Array,
  expected: readonly T[],
): Result<{ [K in T]: OpenedOf<K> }[T], SealRefusal> {
  if (envelope.length > ENVELOPE_MAX_BYTES) return refuse("ENVELOPE_TOO_LARGE", `${envelope.length} bytes`);
  const parsed = parse(envelope);
  if (parsed === undefined) return refuse("ENVELOPE_MALFORMED", "not an envelope with its content");
  const { outer, content } = parsed;
  const type = content.type;
  if (!isMessageType(type)) return refuse("TYPE_UNKNOWN", type.slice(0, 100));
  if (!(expected as readonly MessageType[]).includes(type)) return refuse("TYPE_UNEXPECTED", type);
  const key = trust.find(content.producer, outer.keyId);
  if (key === undefined)
    return refuse("SEAL_KEY_UNKNOWN", `${content.producer.slice(0, 100)} ${outer.keyId.slice(0, 100)}`);
  if (key.revoked) return refuse("SEAL_KEY_REVOKED", `${key.producer} ${key.keyId}`);
  if (key.expired === true) return refuse("SEAL_KEY_EXPIRED", `${key.producer} ${key.keyId}`);
  if (!maySeal(key.producer, type)) return refuse("PRODUCER_NOT_PERMITTED", `${key.producer} may not seal ${type}`);
  if (outer.signature.length !== 64) return refuse("SEAL_INVALID", "the signature is not 64 bytes");
  if (!verify(null, sealedBytes(outer.keyId, outer.content), key.publicKey, outer.signature)) {
    return refuse("SEAL_INVALID", `not sealed by ${key.producer} ${key.keyId}`);
  }
  if (content.id === "" || content.key === "" || content.occurredAtMs < 0n) {
    return refuse("PAYLOAD_MALFORMED", "id, key or time is missing");
  }
  const decoded = decodeMessage(type, content.payload);
  if (!decoded.ok) return refuse("PAYLOAD_MALFORMED", decoded.detail);
  const opened = {
    type,
    id: content.id,
    key: content.key,
    producer: key.producer,
    keyId: key.keyId,
    occurredAtMs: Number(content.occurredAtMs),
    message: decoded.message,
    envelope,
  };
  return { ok: true, value: opened as { [K in T]: OpenedOf<K> }[T] };
}

/** A raw 32-byte Ed25519 public key as node's key object (RFC 8410's fixed DER prefix in front). */
export function ed25519PublicKey(raw: Uint8Array): KeyObject {
  if (raw.length !== 32) throw new TypeError("an Ed25519 public key has 32 bytes");
  const prefix = Buffer.from("302a300506032b6570032100", "hex");
  return createPublicKey({ key: Buffer.concat([prefix, raw]), format: "der", type: "spki" });
}

/** The outer bytes are not sealed, so only their one canonical form is taken: the decoder itself is lenient. */
function parse(envelope: Uint8Array) {
  try {
    const outer = fromBinary(EnvelopeSchema, envelope);
    const canonical = outer.$unknown === undefined && Buffer.compare(toBinary(EnvelopeSchema, outer), envelope) === 0;
    if (!canonical) return undefined;
    return { outer, content: fromBinary(SealedContentSchema, outer.content) };
  } catch {
    return undefined;
  }
}

function sealedBytes(keyId: string, content: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from(`${DOMAIN}\0${keyId}\0`, "utf8"), content]);
}

function refuse(code: SealRefusal["code"], detail: string): { ok: false; refusal: SealRefusal } {
  return { ok: false, refusal: { code, detail } };
}
