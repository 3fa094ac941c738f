// Frames on a stream of bytes: COBS, CRC32C, one hard maximum both ways, and a decoder that always finds its feet again.
import { crc32c } from "@node-rs/crc32";
import { MALFORMED, stuff, stuffedLengthAtMost, unstuff } from "./cobs.ts";

/**
 * Largest frame, checksum included, before stuffing. Neither end sends or takes more. Small, so that a damaged bit costs
 * little on a slow line; on a Unix socket 16 KiB frames moved 1 MiB messages 1.5 times as fast (155 against 105 MB/s) and
 * messages of 20 kB and less no faster.
 */
export const MAX_FRAME_BYTES = 2_048;
const CHECKSUM_BYTES = 4;
/** Largest body that a frame carries. */
export const MAX_FRAME_BODY_BYTES = MAX_FRAME_BYTES - CHECKSUM_BYTES;
/** Largest frame as it stands on the wire: stuffed, with its delimiter. */
export const MAX_WIRE_BYTES = stuffedLengthAtMost(MAX_FRAME_BYTES) + 1;

const DELIMITER = 0;

/** What a decoder has seen since it was made. */
export interface FrameCounts {
  /** Frames whose checksum was right. */
  readonly good: number;
  /** Frames dropped because their checksum was wrong. */
  readonly checksumWrong: number;
  /** Frames dropped because they were too short or not validly stuffed. */
  readonly malformed: number;
  /** Runs of bytes dropped because no delimiter came within the maximum. */
  readonly oversized: number;
}

/**
 * Writes one frame to `target` from `offset` on and returns the offset after it. The wire form is
 * COBS(CRC32C(body) as 4 bytes big-endian ‖ body) ‖ 0x00. CRC32C (Castagnoli, RFC 3720 appendix B.4) finds accidents;
 * it is no protection against an attacker, which is the session's part.
 * Throws when the body is larger than `MAX_FRAME_BODY_BYTES`: that is a fault of the caller, not of the line.
 */
export function writeFrame(body: Uint8Array, target: Uint8Array, offset: number): number {
  if (body.length > MAX_FRAME_BODY_BYTES)
    throw new RangeError(`a frame body of ${body.length} bytes is over the maximum`);
  const raw = Buffer.allocUnsafe(CHECKSUM_BYTES + body.length);
  raw.writeUInt32BE(crc32c(body), 0);
  raw.set(body, CHECKSUM_BYTES);
  const end = stuff(raw, target, offset);
  target[end] = DELIMITER;
  return end + 1;
}

/** One frame as bytes of its own. */
export function encodeFrame(body: Uint8Array): Uint8Array {
  const target = new Uint8Array(stuffedLengthAtMost(CHECKSUM_BYTES + body.length) + 1);
  return target.subarray(0, writeFrame(body, target, 0));
}

/**
 * Takes a stream apart. Whatever arrives, it neither throws nor holds more than one wire frame: a frame that does not
 * parse is dropped and counted, and the next delimiter starts afresh.
 */
export class FrameDecoder {
  /** What every decoder holds, whatever arrives. */
  static readonly HELD_BYTES = MAX_WIRE_BYTES + MAX_FRAME_BYTES;
  readonly #partial = new Uint8Array(MAX_WIRE_BYTES);
  readonly #plain = new Uint8Array(MAX_FRAME_BYTES);
  #held = 0;
  #skipping = false;
  readonly #counts = { good: 0, checksumWrong: 0, malformed: 0, oversized: 0 };

  /** Hands each good frame's body to `onBody`. The body is a view that is valid during that call only. */
  push(chunk: Uint8Array, onBody: (body: Uint8Array) => void): void {
    let from = 0;
    while (from < chunk.length) {
      const delimiter = chunk.indexOf(DELIMITER, from);
      if (delimiter < 0) {
        this.#hold(chunk.subarray(from));
        return;
      }
      const piece = chunk.subarray(from, delimiter);
      from = delimiter + 1;
      if (this.#held === 0 && !this.#skipping && piece.length < MAX_WIRE_BYTES) {
        this.#decode(piece, onBody);
        continue;
      }
      this.#hold(piece);
      const whole = !this.#skipping;
      const length = this.#held;
      this.#held = 0;
      this.#skipping = false;
      if (whole) this.#decode(this.#partial.subarray(0, length), onBody);
    }
  }

  counts(): FrameCounts {
    return { ...this.#counts };
  }

  #hold(piece: Uint8Array): void {
    if (this.#skipping) return;
    if (this.#held + piece.length >= MAX_WIRE_BYTES) {
      this.#counts.oversized++;
      this.#skipping = true;
      this.#held = 0;
      return;
    }
    this.#partial.set(piece, this.#held);
    this.#held += piece.length;
  }

  #decode(stuffed: Uint8Array, onBody: (body: Uint8Array) => void): void {
    if (stuffed.length === 0) return;
    const length = unstuff(stuffed, this.#plain);
    if (length === MALFORMED || length < CHECKSUM_BYTES) {
      this.#counts.malformed++;
      return;
    }
    const body = this.#plain.subarray(CHECKSUM_BYTES, length);
    const stated =
      (((this.#plain[0] as number) << 24) |
        ((this.#plain[1] as number) << 16) |
        ((this.#plain[2] as number) << 8) |
        (this.#plain[3] as number)) >>>
      0;
    if (crc32c(body) !== stated) {
      this.#counts.checksumWrong++;
      return;
    }
    this.#counts.good++;
    onBody(body);
  }
}
