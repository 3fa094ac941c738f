// Envelopes as an enemy writes them: any producer, any type, any key. Our own `seal` would refuse to.
import { generateKeyPairSync, randomBytes, sign } from "node:crypto";
import { encodeMessage, type MessageOf, type MessageType, type Producer, type Sealer } from "@sluice/contracts";

/** A key that nobody lists, under whatever name its owner likes. */
export function stranger(producer: Producer, keyId = `${producer}-1`): Sealer {
  return { producer, keyId, privateKey: generateKeyPairSync("ed25519").privateKey };
}

/** Sealed by whoever wants to, permitted or not (proto/sluice/v1/envelope.proto, written by hand). */
export function forge<T extends MessageType>(by: Sealer, type: T, key: string, message: MessageOf<T>): Uint8Array {
  const content = Buffer.concat([
    field(1, randomBytes(8).toString("hex")),
    field(2, type),
    field(3, key),
    field(4, by.producer),
    number(5, Date.now()),
    field(6, encodeMessage(type, message)),
  ]);
  const sealed = Buffer.concat([Buffer.from(`sluice/seal/v1\0${by.keyId}\0`, "utf8"), content]);
  return Buffer.concat([field(1, content), field(2, by.keyId), field(3, sign(null, sealed, by.privateKey))]);
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
function field(at: number, value: string | Uint8Array): Buffer {
  const bytes = typeof value === "string" ? Buffer.from(value, "utf8") : value;
  return Buffer.concat([varint((at << 3) | 2), varint(bytes.length), bytes]);
}

function number(at: number, value: number): Buffer {
  return Buffer.concat([varint(at << 3), varint(value)]);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128);
  return Buffer.of(...bytes, rest);
}
