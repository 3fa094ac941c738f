// One session at work: counts what it seals and opens, so that it is not used for longer than it should be.
import { encodeHeader, type HeadedKind, type Header, LINK_HEADER_BYTES } from "./link-frame.ts";
import { type FrameNumber, SESSION_OVERHEAD_BYTES, type Session } from "./session.ts";

export interface Wear {
  /** After so many frames, both directions together, or so long, new keys are due. At twice of either it ends. */
  readonly rekeyFrames: number;
  readonly rekeyMs: number;
}

/** What an authentic frame is worth. */
export interface Opened {
  readonly body: Uint8Array;
  /** False for a control frame at or before the latest one: a repeat, or played again. Says nothing of data frames. */
  readonly isLatest: boolean;
}

export class SessionKeys {
  readonly #session: Session;
  readonly #sinceMs: number;
  #frames = 0;
  #controls = 0;
  #latestControl = -1;

  constructor(session: Session, nowMs: number) {
    this.#session = session;
    this.#sinceMs = nowMs;
  }

  get id(): bigint {
    return this.#session.id;
  }

  get sinceMs(): number {
    return this.#sinceMs;
  }

  sealData(header: Omit<Header, "session">, body: Uint8Array): Uint8Array {
    return this.#seal("data", header, body);
  }

  sealControl(kind: "ack" | "confirm", header: Omit<Header, "session" | "number">, body: Uint8Array): Uint8Array {
    return this.#seal(kind, { ...header, number: this.#controls++ }, body);
  }

  /** Undefined when the frame is not the peer's. `headerBytes` is the header as it came. */
  open(kind: HeadedKind, number: number, headerBytes: Uint8Array, sealed: Uint8Array): Opened | undefined {
    const body = this.#session.open(numberOf(kind, number), headerBytes, sealed);
    if (body === undefined) return undefined;
    this.#frames++;
    if (kind === "data") return { body, isLatest: true };
    const isLatest = number > this.#latestControl;
    if (isLatest) this.#latestControl = number;
    return { body, isLatest };
  }

  /** New keys are due. */
  isWorn({ rekeyFrames, rekeyMs }: Wear, nowMs: number): boolean {
    return this.#frames >= rekeyFrames || nowMs >= this.#sinceMs + rekeyMs;
  }

  /** These keys may not be used any more, whether there are new ones or not. */
  isOver({ rekeyFrames, rekeyMs }: Wear, nowMs: number): boolean {
    return this.#frames >= 2 * rekeyFrames || nowMs >= this.#sinceMs + 2 * rekeyMs;
  }

  drop(): void {
    this.#session.drop();
  }

  #seal(kind: HeadedKind, header: Omit<Header, "session">, body: Uint8Array): Uint8Array {
    this.#frames++;
    const frame = Buffer.allocUnsafe(LINK_HEADER_BYTES + body.length + SESSION_OVERHEAD_BYTES);
    encodeHeader(kind, { ...header, session: this.id }, body.length + SESSION_OVERHEAD_BYTES, frame);
    // The whole header is associated data: no field of it can be changed on the way.
    const sealed = this.#session.seal(numberOf(kind, header.number), frame.subarray(0, LINK_HEADER_BYTES), body);
    frame.set(sealed, LINK_HEADER_BYTES);
    return frame;
  }
}

function numberOf(kind: HeadedKind, number: number): FrameNumber {
  return { lane: kind === "data" ? "data" : "control", number };
}
