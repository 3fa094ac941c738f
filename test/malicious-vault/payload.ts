// The payloads of tasks and orders, read from Protobuf's wire format without any code of ours or of its library.
import type { Order, Task } from "./honest.ts";

/** Null for bytes that are no task, or one whose names, counts or bytes are out of bounds. */
export function readTaskPayload(payload: Uint8Array): Task | null {
  const found = read(payload, { 1: "text", 2: "text", 3: "bytes", 4: { 1: "bytes", 2: "number" }, 5: "text" });
  if (found === null) return null;
  const withdrawals = found.messages(4).map((each) => ({ clearance: each.bytes(1), attempt: each.number(2) }));
  if (!paysWhatItSays(found.text(5), withdrawals.length)) return null;
  if (withdrawals.some(({ clearance, attempt }) => clearance.length === 0 || attempt < 1)) return null;
  const task = { taskId: found.text(1), walletId: found.text(2), psbt: found.bytes(3), withdrawals };
  return isName(task.taskId) && isName(task.walletId) && task.psbt.length > 0 ? task : null;
}

/** Only what says so pays nobody, and it pays nobody. */
const paysWhatItSays = (purpose: string, withdrawals: number): boolean =>
  purpose === (withdrawals === 0 ? "internal" : "");

export function readOrderPayload(payload: Uint8Array): Order | null {
  const named = {
    1: "text",
    2: "text",
    3: "text",
    4: "number",
    5: "text",
    6: "bytes",
    8: "number",
    9: "text",
    10: "text",
  } as const;
  const found = read(payload, { ...named, 7: { 1: "text", 2: "text", 3: "bytes" } });
  if (found === null || !isName(found.text(1)) || !paysWhatItSays(found.text(10), found.messages(7).length))
    return null;
  return {
    ...{ taskId: found.text(1), walletId: found.text(2), holder: found.text(3), round: found.number(4) },
    ...{ transactionId: found.text(5), psbt: found.bytes(6) },
    withdrawals: found
      .messages(7)
      .map((each) => ({ withdrawalId: each.text(1), anchor: each.text(2), clearance: each.bytes(3) })),
  };
}

type Found = {
  readonly text: (number: number) => string;
  readonly bytes: (number: number) => Buffer;
  readonly number: (number: number) => number;
  /** Of the one kind of message inside. */
  readonly messages: (number: number) => readonly Found[];
};

type Kinds = { readonly [field: number]: "text" | "bytes" | "number" | Kinds };
type Value = Buffer | bigint | Found;

/**
 * As the library reads (ADR 1): by the number of a field, whatever its wire type says; the last of several counts; and the
 * last field of a message inside may run past the length that was said. Nobody decides by such bytes: what was read is
 * what is judged, hashed and written into orders, anew.
 */
function read(payload: Uint8Array, kinds: Kinds): Found | null {
  const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
  let at = 0;
  try {
    return message(bytes.length, kinds);
  } catch {
    return null;
  }

  function message(end: number, fields: Kinds): Found {
    const found = new Map<number, Value[]>();
    while (at < end) {
      const { number, wire } = tag();
      const value = field(fields[number], wire, number);
      found.set(number, [...(found.get(number) ?? []), value]);
    }
    const last = (number: number) => found.get(number)?.at(-1);
    const buffer = (number: number): Buffer => {
      const value = last(number);
      return Buffer.isBuffer(value) ? value : Buffer.alloc(0);
    };
    return {
      text: (number) => buffer(number).toString("utf8"),
      bytes: buffer,
      number: (number) => Number(BigInt.asUintN(32, BigInt((last(number) as bigint | undefined) ?? 0n))),
      messages: (number) => (found.get(number) ?? []).filter((value): value is Found => isMessage(value)),
    };
  }

  function field(kind: Kinds[number] | undefined, wire: number, number: number): Value {
    if (kind === undefined) return skip(wire, number);
    if (kind === "number") return varint();
    if (typeof kind === "object") return message(Number(BigInt.asUintN(32, varint())) + at, kind);
    const value = sized();
    if (kind === "text" && !Buffer.from(value.toString("utf8")).equals(value)) throw new Error("not UTF-8");
    return value;
  }

  function tag(): { readonly number: number; readonly wire: number } {
    const value = varint();
    if (value > 0xffff_ffffn) throw new Error("longer than a tag may be");
    const { number, wire } = { number: Number(value >> 3n), wire: Number(value & 7n) };
    if (number === 0 || wire > 5) throw new Error("no such field");
    return { number, wire };
  }

  function varint(): bigint {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = bytes[at];
      if (byte === undefined) throw new Error("cut short");
      at += 1;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    throw new Error("longer than ten bytes");
  }

  function sized(): Buffer {
    return take(Number(BigInt.asUintN(32, varint())));
  }

  function take(length: number): Buffer {
    if (at + length > bytes.length) throw new Error("cut short");
    at += length;
    return bytes.subarray(at - length, at);
  }

  function skip(wire: number, number: number): Value {
    if (wire === 0) return varint();
    if (wire === 2) return sized();
    if (wire === 1 || wire === 5) return take(wire === 1 ? 8 : 4);
    if (wire === 4) throw new Error("the end of no group");
    for (;;) {
      const inner = tag();
      if (inner.wire !== 4) skip(inner.wire, inner.number);
      else if (inner.number === number) return 0n;
      else throw new Error("the end of another group");
    }
  }
}

function isMessage(value: Value): value is Found {
  return typeof value === "object" && !Buffer.isBuffer(value);
}

function isName(text: string): boolean {
  return text.length > 0 && text.length <= 256;
}
