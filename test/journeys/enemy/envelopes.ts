// Envelopes as an enemy writes them: any producer, any type, any key. Our own `seal` would refuse to.
import { generateKeyPairSync, randomBytes, sign } from "node:crypto";
import { encodeMessage, type MessageOf, type MessageType, type Producer, type Sealer } from "@sluice/contracts";

/** A key that nobody lists, under whatever name its owner likes. */
export function stranger(producer: Producer, keyId = `${producer}-1`): Sealer {
  return { producer, keyId, privateKey: generateKeyPairSync("ed25519").privateKey };
}

/** Sealed by whoever wants to, permitted or not. */
export function forge<T extends MessageType>(by: Sealer, type: T, key: string, message: MessageOf<T>): Uint8Array {
  return write(by, { id: randomBytes(8).toString("hex"), type, key, payload: encodeMessage(type, message) });
}

export type Content = {
  readonly id: string;
  readonly type: string;
  readonly key: string;
  readonly payload: Uint8Array;
  readonly occurredAtMs?: number;
};

/** An envelope field by field (proto/sluice/v1/envelope.proto), sealed for a domain. */
export function write(by: Sealer, content: Content, domain = "sluice/seal/v1"): Uint8Array {
  return enclose(by, contentBytes(by.producer, content), domain);
}

/** Seals any bytes in place of a content. */
export function enclose(by: Sealer, content: Uint8Array, domain = "sluice/seal/v1"): Uint8Array {
  const sealed = Buffer.concat([Buffer.from(`${domain}\0${by.keyId}\0`, "utf8"), content]);
  return outer(content, by.keyId, sign(null, sealed, by.privateKey));
}

export function contentBytes(producer: string, { id, type, key, payload, occurredAtMs = Date.now() }: Content): Buffer {
  return Buffer.concat([
    field(1, id),
    field(2, type),
    field(3, key),
    field(4, producer),
    number(5, occurredAtMs),
    field(6, payload),
  ]);
}

export function outer(content: Uint8Array, keyId: string, signature: Uint8Array): Uint8Array {
  return Buffer.concat([field(1, content), field(2, keyId), field(3, signature)]);
}

/** The same bytes with one text replaced by another of its length, so that everything around it still parses. */
export function altered(bytes: Uint8Array, from: string, to: string): Uint8Array {
  const changed = Buffer.from(bytes);
  const at = changed.indexOf(from);
  if (at < 0 || from.length !== to.length || from === to) throw new Error(`"${from}" cannot become "${to}" here`);
  changed.write(to, at, "utf8");
  return new Uint8Array(changed);
}

/** A length-delimited field of Protobuf's wire format. */
export function field(at: number, value: string | Uint8Array): Buffer {
  const bytes = typeof value === "string" ? Buffer.from(value, "utf8") : value;
  return Buffer.concat([varint((at << 3) | 2), varint(bytes.length), bytes]);
}

export function number(at: number, value: number): Buffer {
  return Buffer.concat([varint(at << 3), varint(value)]);
}

export function varint(value: number | bigint): Buffer {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  for (; rest >= 128n; rest >>= 7n) bytes.push(Number(rest & 127n) + 128);
  return Buffer.of(...bytes, Number(rest));
}
