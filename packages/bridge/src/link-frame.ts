// How the link's frames look as bytes: the hello that carries a handshake, and sealed frames behind a fixed header.
import { HANDSHAKE_BYTES, SESSION_OVERHEAD_BYTES } from "./session.ts";

export const PROTOCOL_VERSION = 2;
export const LINK_HEADER_BYTES = 34;
const NAME_BYTES_AT_MOST = 64;

/** `data` carries a body of the layer above, `ack` none, `confirm` the sender's boot id. */
export type HeadedKind = "data" | "ack" | "confirm";

export interface Header {
  /** By whose keys the frame is sealed. */
  readonly session: bigint;
  /** Of a data frame the sequence number, which counts from 0 for as long as both lives last; else a count per session. */
  readonly number: number;
  /** The next sequence number expected. In a confirmation it counts only if that is about this life of the receiver. */
  readonly acknowledged: number;
  /** Bit i says that sequence `acknowledged + 1 + i` has arrived although an earlier one is missing. */
  readonly selective: number;
}

/** Travels in clear. The names only help an operator: what counts is that both are in the handshake's prologue. */
export type Hello = {
  readonly localName: string;
  readonly peerName: string;
} & (
  | /** The responder has no session and asks the initiator to begin. */ { readonly step: "invitation" }
  | { readonly step: "question"; readonly message: Uint8Array }
  | /** `about` is the beginning of the question. */ {
      readonly step: "answer";
      readonly about: bigint;
      readonly message: Uint8Array;
    }
);

export type LinkFrame =
  | { readonly kind: "hello"; readonly hello: Hello }
  | {
      readonly kind: HeadedKind;
      readonly header: Header;
      readonly headerBytes: Uint8Array;
      readonly sealed: Uint8Array;
    }
  | { readonly kind: "other-version"; readonly version: number; readonly isHello: boolean }
  | { readonly kind: "malformed" };

/**
 * Layout, integers big-endian: version u8 ‖ kind u8 ‖ session u64 ‖ number u64 ‖ acknowledged u64 ‖ selective u32 ‖
 * length u32. The sealed body, `length` bytes, follows.
 */
export function encodeHeader(kind: HeadedKind, header: Header, length: number, target: Buffer): void {
  target[0] = PROTOCOL_VERSION;
  target[1] = KINDS.indexOf(kind) + FIRST_HEADED_KIND;
  target.writeBigUInt64BE(header.session, 2);
  writeCount(target, header.number, 10);
  writeCount(target, header.acknowledged, 18);
  target.writeUInt32BE(header.selective, 26);
  target.writeUInt32BE(length, 30);
}

/** Layout: version u8 ‖ kind u8 ‖ step u8 ‖ (length u8 ‖ ASCII) for each of both names ‖ about u64 ‖ message. */
export function encodeHello(hello: Hello): Uint8Array {
  const names = [hello.localName, hello.peerName].map((name) => Buffer.from(`\0${name}`, "ascii"));
  for (const name of names) name[0] = name.length - 1;
  const about = Buffer.alloc(hello.step === "answer" ? ABOUT_BYTES : 0);
  if (hello.step === "answer") about.writeBigUInt64BE(hello.about);
  const message = hello.step === "invitation" ? new Uint8Array(0) : hello.message;
  return Buffer.concat([
    Uint8Array.of(PROTOCOL_VERSION, KIND_HELLO, STEPS.indexOf(hello.step)),
    ...names,
    about,
    message,
  ]);
}

/** How an answer names its question. */
export function aboutOf(question: Uint8Array): bigint {
  return Buffer.from(question.buffer, question.byteOffset, ABOUT_BYTES).readBigUInt64BE();
}

/** Never throws. What it returns is views into `bytes`. */
export function parseLinkFrame(bytes: Uint8Array): LinkFrame {
  if (bytes.length < 2) return MALFORMED;
  const frame = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const version = frame[0] as number;
  const kind = frame[1] as number;
  // The first two bytes mean the same in every version, so that a newer peer can be told from noise.
  if (version !== PROTOCOL_VERSION) return { kind: "other-version", version, isHello: kind === KIND_HELLO };
  if (kind === KIND_HELLO) return parseHello(frame);
  const headed = KINDS[kind - FIRST_HEADED_KIND];
  return headed === undefined ? MALFORMED : parseHeaded(frame, headed);
}

/** A name both ends can compare byte by byte: 1 to 64 of a-z, 0-9 and hyphen. */
export function isName(text: string): boolean {
  return text.length <= NAME_BYTES_AT_MOST && /^[a-z0-9-]+$/.test(text);
}

const KIND_HELLO = 1;
const FIRST_HEADED_KIND = 2;
const KINDS: readonly HeadedKind[] = ["data", "ack", "confirm"];
const STEPS: readonly Hello["step"][] = ["invitation", "question", "answer"];
const HELLO_NAMES_AT = 3;
const ABOUT_BYTES = 8;
const MALFORMED: LinkFrame = { kind: "malformed" };

function parseHeaded(frame: Buffer, kind: HeadedKind): LinkFrame {
  const length = frame.length - LINK_HEADER_BYTES;
  if (length < SESSION_OVERHEAD_BYTES || frame.readUInt32BE(30) !== length) return MALFORMED;
  const number = readCount(frame, 10);
  const acknowledged = readCount(frame, 18);
  if (number === undefined || acknowledged === undefined) return MALFORMED;
  const header = { session: frame.readBigUInt64BE(2), number, acknowledged, selective: frame.readUInt32BE(26) };
  const headerBytes = frame.subarray(0, LINK_HEADER_BYTES);
  return { kind, header, headerBytes, sealed: frame.subarray(LINK_HEADER_BYTES) };
}

function parseHello(frame: Buffer): LinkFrame {
  const step = STEPS[frame[2] ?? STEPS.length];
  const local = readName(frame, HELLO_NAMES_AT);
  const peer = local === undefined ? undefined : readName(frame, local.end);
  if (step === undefined || local === undefined || peer === undefined) return MALFORMED;
  const names = { localName: local.name, peerName: peer.name };
  const rest = frame.subarray(peer.end);
  switch (step) {
    case "invitation":
      return rest.length === 0 ? { kind: "hello", hello: { ...names, step } } : MALFORMED;
    case "question":
      return rest.length === HANDSHAKE_BYTES ? { kind: "hello", hello: { ...names, step, message: rest } } : MALFORMED;
    case "answer": {
      if (rest.length !== ABOUT_BYTES + HANDSHAKE_BYTES) return MALFORMED;
      const message = rest.subarray(ABOUT_BYTES);
      return { kind: "hello", hello: { ...names, step, about: rest.readBigUInt64BE(), message } };
    }
    default:
      return step satisfies never;
  }
}

function readName(frame: Buffer, at: number): { readonly name: string; readonly end: number } | undefined {
  const length = frame[at];
  if (length === undefined || at + 1 + length > frame.length) return undefined;
  const name = frame.toString("latin1", at + 1, at + 1 + length);
  return isName(name) ? { name, end: at + 1 + length } : undefined;
}

/** Counts are u64 on the wire and stay below 2^53 here: at a million frames a second that lasts 285 years. */
function writeCount(frame: Buffer, count: number, at: number): void {
  frame.writeUInt32BE(Math.floor(count / TWO_TO_32), at);
  frame.writeUInt32BE(count % TWO_TO_32, at + 4);
}

function readCount(frame: Buffer, at: number): number | undefined {
  const count = frame.readUInt32BE(at) * TWO_TO_32 + frame.readUInt32BE(at + 4);
  return count <= Number.MAX_SAFE_INTEGER ? count : undefined;
}

const TWO_TO_32 = 2 ** 32;
