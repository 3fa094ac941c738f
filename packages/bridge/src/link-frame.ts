// How the link's frames look as bytes: a fixed header, and the hello that opens every connection.

export const PROTOCOL_VERSION = 1;
export const LINK_HEADER_BYTES = 34;
const NAME_BYTES_AT_MOST = 64;

/** Sequence numbers count data frames from 0 within one epoch; `acknowledged` is the next one expected. */
export interface Header {
  readonly epoch: bigint;
  readonly sequence: number;
  readonly acknowledged: number;
  /** Bit i says that sequence `acknowledged + 1 + i` has arrived although an earlier one is missing. */
  readonly selective: number;
}

export interface Hello {
  /** Random for each life of a bridge: tells a restarted peer from one that only lost its connection. */
  readonly bootId: bigint;
  /** Counts the sender's greetings: only an answer to the present one shows that the other end lives now. */
  readonly challenge: number;
  /** The boot id and challenge that the sender has heard last on this connection; both 0 when none. */
  readonly heardBootId: bigint;
  readonly heardChallenge: number;
  /** False once the sender has nothing left to learn, so that two ends do not greet each other for ever. */
  readonly wantsAnswer: boolean;
  readonly localName: string;
  readonly peerName: string;
}

export type LinkFrame =
  | { readonly kind: "hello"; readonly hello: Hello }
  | { readonly kind: "data"; readonly header: Header; readonly body: Uint8Array }
  | { readonly kind: "ack"; readonly header: Header }
  | { readonly kind: "other-version"; readonly version: number; readonly isHello: boolean }
  | { readonly kind: "malformed" };

/**
 * Layout, integers big-endian: version u8 ‖ kind u8 ‖ epoch u64 ‖ sequence u64 ‖ acknowledged u64 ‖ selective u32 ‖
 * length u32 ‖ body. Only data frames have a body.
 */
export function encodeHeaded(kind: "data" | "ack", header: Header, body: Uint8Array): Uint8Array {
  const frame = Buffer.allocUnsafe(LINK_HEADER_BYTES + body.length);
  frame[0] = PROTOCOL_VERSION;
  frame[1] = kind === "data" ? KIND_DATA : KIND_ACK;
  frame.writeBigUInt64BE(header.epoch, 2);
  writeCount(frame, header.sequence, 10);
  writeCount(frame, header.acknowledged, 18);
  frame.writeUInt32BE(header.selective, 26);
  frame.writeUInt32BE(body.length, 30);
  frame.set(body, LINK_HEADER_BYTES);
  return frame;
}

/**
 * Layout: version u8 ‖ kind u8 ‖ wantsAnswer u8 ‖ bootId u64 ‖ challenge u64 ‖ heardBootId u64 ‖ heardChallenge u64 ‖
 * (length u8 ‖ ASCII) for each of both names.
 */
export function encodeHello(hello: Hello): Uint8Array {
  const fixed = Buffer.alloc(HELLO_NAMES_AT);
  fixed[0] = PROTOCOL_VERSION;
  fixed[1] = KIND_HELLO;
  fixed[2] = hello.wantsAnswer ? 1 : 0;
  fixed.writeBigUInt64BE(hello.bootId, 3);
  writeCount(fixed, hello.challenge, 11);
  fixed.writeBigUInt64BE(hello.heardBootId, 19);
  writeCount(fixed, hello.heardChallenge, 27);
  const names = [hello.localName, hello.peerName].map((name) => Buffer.from(`\0${name}`, "ascii"));
  for (const name of names) name[0] = name.length - 1;
  return Buffer.concat([fixed, ...names]);
}

/** Never throws. What it returns for a data frame is a view into `bytes`. */
export function parseLinkFrame(bytes: Uint8Array): LinkFrame {
  if (bytes.length < 2) return MALFORMED;
  const frame = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const version = frame[0] as number;
  const kind = frame[1] as number;
  // The first two bytes mean the same in every version, so that a newer peer can be told from noise.
  if (version !== PROTOCOL_VERSION) return { kind: "other-version", version, isHello: kind === KIND_HELLO };
  switch (kind) {
    case KIND_HELLO:
      return parseHello(frame);
    case KIND_DATA:
    case KIND_ACK:
      return parseHeaded(frame, kind);
    default:
      return MALFORMED;
  }
}

/** A name both ends can compare byte by byte: 1 to 64 of a-z, 0-9 and hyphen. */
export function isName(text: string): boolean {
  return text.length <= NAME_BYTES_AT_MOST && /^[a-z0-9-]+$/.test(text);
}

const KIND_HELLO = 1;
const KIND_DATA = 2;
const KIND_ACK = 3;
const HELLO_NAMES_AT = 35;
const MALFORMED: LinkFrame = { kind: "malformed" };

function parseHeaded(frame: Buffer, kind: typeof KIND_DATA | typeof KIND_ACK): LinkFrame {
  if (frame.length < LINK_HEADER_BYTES) return MALFORMED;
  const sequence = readCount(frame, 10);
  const acknowledged = readCount(frame, 18);
  const length = frame.readUInt32BE(30);
  if (sequence === undefined || acknowledged === undefined || length !== frame.length - LINK_HEADER_BYTES)
    return MALFORMED;
  const header = { epoch: frame.readBigUInt64BE(2), sequence, acknowledged, selective: frame.readUInt32BE(26) };
  if (kind === KIND_DATA) return { kind: "data", header, body: frame.subarray(LINK_HEADER_BYTES) };
  return length === 0 ? { kind: "ack", header } : MALFORMED;
}

function parseHello(frame: Buffer): LinkFrame {
  if (frame.length < HELLO_NAMES_AT) return MALFORMED;
  const wantsAnswer = frame[2] as number;
  const bootId = frame.readBigUInt64BE(3);
  const challenge = readCount(frame, 11);
  const heardBootId = frame.readBigUInt64BE(19);
  const heardChallenge = readCount(frame, 27);
  if (wantsAnswer > 1 || bootId === 0n || challenge === undefined || heardChallenge === undefined) return MALFORMED;
  const local = readName(frame, HELLO_NAMES_AT);
  const peer = local === undefined ? undefined : readName(frame, local.end);
  if (local === undefined || peer === undefined || peer.end !== frame.length) return MALFORMED;
  const names = { localName: local.name, peerName: peer.name };
  return {
    kind: "hello",
    hello: { bootId, challenge, heardBootId, heardChallenge, wantsAnswer: wantsAnswer === 1, ...names },
  };
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
