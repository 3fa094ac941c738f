// What the messages layer puts into the link's frames: fragments of messages and the receiver's status, for each priority.
import { MAX_FRAME_BODY_BYTES } from "./frame.ts";
import { LINK_HEADER_BYTES } from "./link-frame.ts";
import { SESSION_OVERHEAD_BYTES } from "./session.ts";

/** Largest message. Both ends hold to it: `send` refuses a larger one, and a peer that begins one breaks the protocol. */
export const MAX_MESSAGE_BYTES = 1_048_576;
/** Largest urgent message: what may overtake others has to be small, or it would hold them up in its turn. */
export const MAX_URGENT_MESSAGE_BYTES = 262_144;
const FRAGMENT_HEADER_BYTES = 17;
const STATUS_BYTES = 17;
/** Most bytes of a message that one frame carries. */
export const MAX_FRAGMENT_BYTES =
  MAX_FRAME_BODY_BYTES - LINK_HEADER_BYTES - SESSION_OVERHEAD_BYTES - FRAGMENT_HEADER_BYTES;
/** What a message costs the receiver beside its bytes, so that empty messages cannot fill its memory either. */
export const MESSAGE_COST_BYTES = 256;

/** Messages of one priority arrive in the order sent; an urgent one may overtake ordinary ones, also between their fragments. */
export type Priority = "ordinary" | "urgent";

export interface Fragment {
  /** Messages of one epoch count from 1. */
  readonly number: number;
  readonly totalBytes: number;
  readonly offset: number;
  readonly bytes: Uint8Array;
}

/** Both counts begin at 0 with each epoch and only grow. */
export interface Status {
  /** How many messages the application has accepted. */
  readonly accepted: number;
  /** How many bytes (with `MESSAGE_COST_BYTES` for each message begun) the sender may have sent in all. */
  readonly grantedBytes: number;
}

export type MessageFrame =
  | { readonly kind: "fragment"; readonly priority: Priority; readonly fragment: Fragment }
  | { readonly kind: "status"; readonly priority: Priority; readonly status: Status }
  | { readonly kind: "malformed" };

/** Layout, integers big-endian: kind u8 ‖ number u64 ‖ total u32 ‖ offset u32 ‖ bytes. */
export function encodeFragment(priority: Priority, fragment: Fragment): Uint8Array {
  const body = Buffer.allocUnsafe(FRAGMENT_HEADER_BYTES + fragment.bytes.length);
  body[0] = priority === "urgent" ? KIND_URGENT_FRAGMENT : KIND_FRAGMENT;
  body.writeBigUInt64BE(BigInt(fragment.number), 1);
  body.writeUInt32BE(fragment.totalBytes, 9);
  body.writeUInt32BE(fragment.offset, 13);
  body.set(fragment.bytes, FRAGMENT_HEADER_BYTES);
  return body;
}

/** Layout: kind u8 ‖ accepted u64 ‖ granted u64. */
export function encodeStatus(priority: Priority, status: Status): Uint8Array {
  const body = Buffer.allocUnsafe(STATUS_BYTES);
  body[0] = priority === "urgent" ? KIND_URGENT_STATUS : KIND_STATUS;
  body.writeBigUInt64BE(BigInt(status.accepted), 1);
  body.writeBigUInt64BE(BigInt(status.grantedBytes), 9);
  return body;
}

/** Never throws. A fragment's bytes are a view into `bytes`. */
export function parseMessageFrame(bytes: Uint8Array): MessageFrame {
  const body = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (body.length < Math.min(FRAGMENT_HEADER_BYTES, STATUS_BYTES)) return MALFORMED;
  const first = Number(body.readBigUInt64BE(1));
  if (!Number.isSafeInteger(first)) return MALFORMED;
  switch (body[0]) {
    case KIND_FRAGMENT:
      return parseFragment("ordinary", first, body);
    case KIND_URGENT_FRAGMENT:
      return parseFragment("urgent", first, body);
    case KIND_STATUS:
      return parseStatus("ordinary", first, body);
    case KIND_URGENT_STATUS:
      return parseStatus("urgent", first, body);
    default:
      return MALFORMED;
  }
}

function parseFragment(priority: Priority, number: number, body: Buffer): MessageFrame {
  const fragment = {
    number,
    totalBytes: body.readUInt32BE(9),
    offset: body.readUInt32BE(13),
    bytes: body.subarray(FRAGMENT_HEADER_BYTES),
  };
  return { kind: "fragment", priority, fragment };
}

function parseStatus(priority: Priority, accepted: number, body: Buffer): MessageFrame {
  const grantedBytes = Number(body.readBigUInt64BE(9));
  if (body.length !== STATUS_BYTES || !Number.isSafeInteger(grantedBytes)) return MALFORMED;
  return { kind: "status", priority, status: { accepted, grantedBytes } };
}

const KIND_FRAGMENT = 1;
const KIND_STATUS = 2;
const KIND_URGENT_FRAGMENT = 3;
const KIND_URGENT_STATUS = 4;
const MALFORMED: MessageFrame = { kind: "malformed" };
