// One frame each way: four bytes of magic, two lengths, a JSON head, raw bytes. Lengths are judged before anything is kept.
import type { ConsoleRefusalCode, JsonObject } from "./answer.ts";

export type ConsoleLimits = {
  readonly headBytes: number;
  /** Raw bytes beside the head: a share, a bundle. They never become text here. */
  readonly binaryBytes: number;
};

export const DEFAULT_LIMITS: ConsoleLimits = { headBytes: 16_384, binaryBytes: 65_536 };

export type Frame = { readonly head: JsonObject; readonly binary: Buffer };

/** `null`: more bytes are needed. */
export type Taken = { readonly frame: Frame } | { readonly fault: ConsoleRefusalCode } | null;

/** "SLC1": a console's frame, version 1. */
const MAGIC = Buffer.from("SLC1", "latin1");
const PREFIX_BYTES = MAGIC.length + 8;

export function encodeFrame(head: JsonObject, binary: Uint8Array, limits: ConsoleLimits): Buffer | null {
  const text = Buffer.from(JSON.stringify(head), "utf8");
  if (text.length > limits.headBytes || binary.length > limits.binaryBytes) return null;
  const frame = Buffer.alloc(PREFIX_BYTES + text.length + binary.length);
  MAGIC.copy(frame);
  frame.writeUInt32BE(text.length, 4);
  frame.writeUInt32BE(binary.length, 8);
  text.copy(frame, PREFIX_BYTES);
  frame.set(binary, PREFIX_BYTES + text.length);
  return frame;
}

/** Collects one frame from pieces of any size, and keeps at most one frame's bytes. Nothing may follow the frame. */
export class FrameReader {
  readonly #limits: ConsoleLimits;
  readonly #prefix = Buffer.alloc(PREFIX_BYTES);
  #body: Buffer | undefined;
  #filled = 0;

  constructor(limits: ConsoleLimits) {
    this.#limits = limits;
  }

  take(piece: Uint8Array): Taken {
    const needed = Math.min(piece.length, Math.max(0, PREFIX_BYTES - this.#filled));
    this.#prefix.set(piece.subarray(0, needed), Math.min(this.#filled, PREFIX_BYTES));
    this.#filled += needed;
    // What cannot become a frame is refused at its first wrong byte, not when its end comes.
    const begun = Math.min(this.#filled, MAGIC.length);
    if (!this.#prefix.subarray(0, begun).equals(MAGIC.subarray(0, begun))) return { fault: "CONSOLE_FRAME_INVALID" };
    if (this.#filled < PREFIX_BYTES) return null;
    return this.#takeBody(piece.subarray(needed));
  }

  /** Overwrites what was collected. The frame's binary part is a view of it. */
  wipe(): void {
    this.#body?.fill(0);
  }

  #takeBody(piece: Uint8Array): Taken {
    const headBytes = this.#prefix.readUInt32BE(4);
    const binaryBytes = this.#prefix.readUInt32BE(8);
    if (headBytes > this.#limits.headBytes || binaryBytes > this.#limits.binaryBytes) {
      return { fault: "CONSOLE_FRAME_TOO_LARGE" };
    }
    this.#body ??= Buffer.alloc(headBytes + binaryBytes);
    const at = this.#filled - PREFIX_BYTES;
    if (at + piece.length > this.#body.length) return { fault: "CONSOLE_FRAME_INVALID" };
    this.#body.set(piece, at);
    this.#filled += piece.length;
    if (at + piece.length < this.#body.length) return null;
    const head = readHead(this.#body.subarray(0, headBytes));
    if (head === null) return { fault: "CONSOLE_FRAME_INVALID" };
    return { frame: { head, binary: this.#body.subarray(headBytes) } };
  }
}

function readHead(bytes: Buffer): JsonObject | null {
  try {
    const head: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    return isObject(head) ? head : null;
  } catch {
    return null;
  }
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
