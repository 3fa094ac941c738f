// The payloads of tasks and orders, read from Protobuf's wire format without any code of ours or of its library.
import type { Order, Task } from "./honest.ts";

/** Null for bytes that are no task, or one whose names, counts or bytes are out of bounds. */
export function readTaskPayload(payload: Uint8Array): Task | null {
  const found = read(payload, { 1: "text", 2: "text", 3: "bytes", 4: "messages" });
  if (found === null) return null;
  const withdrawals = found.messages(4).map((each) => {
    const cleared = read(each, { 1: "bytes", 2: "number" });
    return cleared === null ? null : { clearance: cleared.bytes(1), attempt: cleared.number(2) };
  });
  const whole = withdrawals.flatMap((each) => each ?? []);
  if (whole.length < withdrawals.length || whole.length === 0) return null;
  if (whole.some(({ clearance, attempt }) => clearance.length === 0 || attempt < 1)) return null;
  const task = { taskId: found.text(1), walletId: found.text(2), psbt: found.bytes(3), withdrawals: whole };
  return isName(task.taskId) && isName(task.walletId) && task.psbt.length > 0 ? task : null;
}

export function readOrderPayload(payload: Uint8Array): Order | null {
  const kinds = {
    1: "text",
    2: "text",
    3: "text",
    4: "number",
    5: "text",
    6: "bytes",
    7: "messages",
    8: "number",
  } as const;
  const found = read(payload, { ...kinds, 9: "text" });
  if (found === null) return null;
  const withdrawals = found.messages(7).map((each) => {
    const ordered = read(each, { 1: "text", 2: "text", 3: "bytes" });
    return ordered === null
      ? null
      : { withdrawalId: ordered.text(1), anchor: ordered.text(2), clearance: ordered.bytes(3) };
  });
  const whole = withdrawals.flatMap((each) => each ?? []);
  if (whole.length < withdrawals.length || whole.length === 0) return null;
  const order = {
    ...{ taskId: found.text(1), walletId: found.text(2), holder: found.text(3), round: found.number(4) },
    ...{ transactionId: found.text(5), psbt: found.bytes(6), withdrawals: whole },
  };
  return isName(order.taskId) ? order : null;
}

type Kind = "text" | "bytes" | "number" | "messages";

/** By the number of a field, whatever its wire type says: so does the library (ADR 1). The last of several counts. */
function read(payload: Uint8Array, kinds: Readonly<Record<number, Kind>>) {
  const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
  const found = new Map<number, (Buffer | bigint)[]>();
  let at = 0;
  try {
    while (at < bytes.length) {
      const tag = varint();
      const [number, wire] = [Number((tag & 0xffff_ffffn) >> 3n), Number(tag & 7n)];
      const kind = kinds[number];
      if (number === 0) return null;
      const value = kind === undefined ? skip(wire) : kind === "number" ? varint() : sized();
      found.set(number, [...(found.get(number) ?? []), value]);
    }
  } catch {
    return null;
  }
  const last = (number: number) => found.get(number)?.at(-1);
  const buffer = (number: number): Buffer => {
    const value = last(number);
    return Buffer.isBuffer(value) ? value : Buffer.alloc(0);
  };
  for (const [number, kind] of Object.entries(kinds)) {
    if (kind !== "text") continue;
    for (const value of found.get(Number(number)) ?? []) {
      if (Buffer.isBuffer(value) && !Buffer.from(value.toString("utf8")).equals(value)) return null;
    }
  }
  return {
    text: (number: number) => buffer(number).toString("utf8"),
    bytes: (number: number): Uint8Array => buffer(number),
    number: (number: number) => Number(BigInt.asUintN(32, BigInt((last(number) as bigint | undefined) ?? 0n))),
    messages: (number: number) => (found.get(number) ?? []).filter((value) => Buffer.isBuffer(value)),
  };

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
    const length = Number(BigInt.asUintN(32, varint()));
    if (at + length > bytes.length) throw new Error("cut short");
    at += length;
    return bytes.subarray(at - length, at);
  }

  function skip(wire: number): Buffer | bigint {
    if (wire === 0) return varint();
    if (wire === 2) return sized();
    const width = { 1: 8, 5: 4 }[wire];
    if (width === undefined || at + width > bytes.length) throw new Error("no such wire type");
    at += width;
    return bytes.subarray(at - width, at);
  }
}

function isName(text: string): boolean {
  return text.length > 0 && text.length <= 256;
}
