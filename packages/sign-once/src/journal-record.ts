// The journal's bytes: records chained by hash, so that a change anywhere before the end shows.
import { createHash } from "node:crypto";
import { crc32 } from "node:zlib";
import { z } from "zod";
import type { Refused, SigningIntent } from "./sign-once.ts";

/**
 * A record, integers big-endian: body length u32 ‖ hash of the record before, 32 bytes ‖ CRC-32 of these 36 bytes, u32 ‖
 * body, JSON ‖ SHA-256 over all before it in the record. The CRC makes the length believable, so that a damaged length
 * is not taken for a record that was cut off.
 */
export const MAX_BODY_BYTES = 1024 * 1024;
const HEADER_BYTES = 40;
const HASH_BYTES = 32;

/** A signature that may exist from here on, or a refusal that stands for good. */
export type JournalRecord = (SigningIntent | Refused) & { readonly atMs: number };

export class JournalError extends Error {
  override readonly name = "JournalError";
  readonly code: "JOURNAL_CORRUPT" | "JOURNAL_LOCKED" | "JOURNAL_WRITE_FAILED";

  constructor(code: JournalError["code"], message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}

/** What the first record is chained to. A journal serves one holder for ever, also when its key changes. */
export function genesisHash(holder: string): Buffer {
  return createHash("sha256").update(`sluice/signer-journal/v1\0${holder}`).digest();
}

export function encodeRecord(
  record: JournalRecord,
  previous: Buffer,
): { readonly bytes: Buffer; readonly hash: Buffer } {
  const body = Buffer.from(JSON.stringify(bodySchema.parse(record)), "utf8");
  if (body.length > MAX_BODY_BYTES) throw new RangeError(`a journal record of ${body.length} bytes`);
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt32BE(body.length, 0);
  previous.copy(header, 4);
  header.writeUInt32BE(crc32(header.subarray(0, 36)), 36);
  const hash = createHash("sha256").update(header).update(body).digest();
  return { bytes: Buffer.concat([header, body, hash]), hash };
}

export type ReadJournal = {
  readonly entries: number;
  readonly head: Buffer;
  /** Up to here the file is whole. */
  readonly bytes: number;
  /** What is left of a last record that was cut off while it was written; 0 when there is none. */
  readonly tornBytes: number;
};

/**
 * Reads and verifies a journal from its bytes in pieces of any size. Only a last record that is cut off is forgiven: its
 * signature never left, because it leaves after the whole record is on disk.
 * @throws JournalError JOURNAL_CORRUPT for everything else that is not as it was written
 */
export function readJournal(
  pieces: Iterable<Buffer>,
  genesis: Buffer,
  onRecord: (record: JournalRecord) => void,
): ReadJournal {
  let rest: Buffer = Buffer.alloc(0);
  let head = genesis;
  let entries = 0;
  let bytes = 0;
  for (const piece of pieces) {
    rest = Buffer.concat([rest, piece]);
    for (let taken = takeRecord(rest, head, entries); taken !== null; taken = takeRecord(rest, head, entries)) {
      onRecord(taken.record);
      rest = rest.subarray(taken.length);
      head = taken.hash;
      entries += 1;
      bytes += taken.length;
    }
  }
  // A header that is not even whole has to begin like the one that belongs here.
  const begun = rest.subarray(4, Math.min(rest.length, 36));
  if (!begun.equals(head.subarray(0, begun.length))) throw corrupt(entries, "a torn header that belongs elsewhere");
  return { entries, head, bytes, tornBytes: rest.length };
}

type Taken = { readonly record: JournalRecord; readonly hash: Buffer; readonly length: number };

function takeRecord(bytes: Buffer, head: Buffer, at: number): Taken | null {
  if (bytes.length < HEADER_BYTES) return null;
  if (bytes.readUInt32BE(36) !== crc32(bytes.subarray(0, 36))) throw corrupt(at, "its header is damaged");
  if (!bytes.subarray(4, 36).equals(head)) throw corrupt(at, "it does not follow the record before it");
  const bodyLength = bytes.readUInt32BE(0);
  if (bodyLength === 0 || bodyLength > MAX_BODY_BYTES) throw corrupt(at, "its length is impossible");
  const length = HEADER_BYTES + bodyLength + HASH_BYTES;
  if (bytes.length < length) return null;
  const hash = createHash("sha256")
    .update(bytes.subarray(0, HEADER_BYTES + bodyLength))
    .digest();
  if (!hash.equals(bytes.subarray(length - HASH_BYTES, length))) throw corrupt(at, "its hash does not match");
  return { record: parseBody(bytes.subarray(HEADER_BYTES, HEADER_BYTES + bodyLength), at), hash, length };
}

const text = z.string().min(1).max(256);
const outpoint = z.string().regex(/^[0-9a-f]{64}:(0|[1-9][0-9]{0,9})$/);

const head = { atMs: z.number().int().min(0), taskId: text };

const signingSchema = z.strictObject({
  ...head,
  walletId: text,
  transactionId: z.string().regex(/^[0-9a-f]{64}$/),
  inputs: z.array(outpoint).min(1).readonly(),
  /** None of an internal transfer. */
  withdrawals: z.array(z.strictObject({ withdrawalId: text, anchor: outpoint })).readonly(),
});

const bodySchema = z.union([signingSchema, z.strictObject({ ...head, refused: text })]);

function parseBody(body: Buffer, at: number): JournalRecord {
  try {
    return bodySchema.parse(JSON.parse(body.toString("utf8")));
  } catch (cause) {
    throw corrupt(at, "its content is not a record", cause);
  }
}

function corrupt(at: number, what: string, cause?: unknown): JournalError {
  return new JournalError("JOURNAL_CORRUPT", `journal record ${at + 1}: ${what}; a person has to look`, { cause });
}
