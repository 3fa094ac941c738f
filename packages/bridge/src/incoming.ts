// The receiving half of one priority: puts fragments together, grants the sender room, says what was accepted.
import { encodeStatus, type Fragment, MESSAGE_COST_BYTES, type Priority } from "./message-frame.ts";

export interface IncomingLimits {
  readonly messageBytes: number;
  /** Bounds what lies here at once, whole messages that wait for the application included. */
  readonly receiveBytes: number;
}

/** A whole message on its way to the application. */
export interface Arrived {
  readonly bytes: Uint8Array;
  readonly priority: Priority;
  /** The epoch that it came in, so that accepting it late is not mistaken for accepting one of the next epoch. */
  readonly epoch: number;
}

export type IncomingResult =
  | { readonly kind: "incomplete" }
  | { readonly kind: "arrived"; readonly message: Arrived }
  | { readonly kind: "violation"; readonly detail: string };

export class Incoming {
  readonly #priority: Priority;
  readonly #limits: IncomingLimits;
  #epoch = 0;
  #partial: { readonly bytes: Uint8Array; filled: number } | undefined;
  #begun = 0;
  #accepted = 0;
  /** What fragments of this epoch have cost, and what of it (and of earlier epochs) still lies here. */
  #spentBytes = 0;
  #heldBytes = 0;
  #toldGrantedBytes = 0;
  #toldAccepted = 0;

  constructor(priority: Priority, limits: IncomingLimits) {
    this.#priority = priority;
    this.#limits = limits;
  }

  /** What counts against `receiveBytes`. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** What of the message being put together is set aside and not filled yet: less than one message. */
  get reservedBytes(): number {
    return this.#partial === undefined ? 0 : this.#partial.bytes.length - this.#partial.filled;
  }

  /** Takes the next fragment. The link has put them in order, so anything unexpected is a fault of the peer. */
  receive(fragment: Fragment): IncomingResult {
    const fault = this.#faultIn(fragment);
    if (fault !== undefined) return { kind: "violation", detail: fault };
    const cost = costOf(fragment);
    this.#spentBytes += cost;
    this.#heldBytes += cost;
    if (this.#partial === undefined) {
      this.#begun++;
      this.#partial = { bytes: new Uint8Array(fragment.totalBytes), filled: 0 };
    }
    const partial = this.#partial;
    partial.bytes.set(fragment.bytes, partial.filled);
    partial.filled += fragment.bytes.length;
    if (partial.filled < partial.bytes.length) return INCOMPLETE;
    this.#partial = undefined;
    return { kind: "arrived", message: { bytes: partial.bytes, priority: this.#priority, epoch: this.#epoch } };
  }

  /** The application has accepted the message: its memory is free and, within its epoch, the sender will hear of it. */
  release(message: Arrived): void {
    this.#heldBytes -= message.bytes.length + MESSAGE_COST_BYTES;
    if (message.epoch === this.#epoch) this.#accepted++;
  }

  /** A status as a link body when there is something new to say. */
  nextBody(): Uint8Array | undefined {
    const grantedBytes = this.#spentBytes + this.#limits.receiveBytes - this.#heldBytes;
    if (grantedBytes === this.#toldGrantedBytes && this.#accepted === this.#toldAccepted) return undefined;
    this.#toldGrantedBytes = grantedBytes;
    this.#toldAccepted = this.#accepted;
    return encodeStatus(this.#priority, { accepted: this.#accepted, grantedBytes });
  }

  /** A new epoch: half a message is dropped, since the peer begins it again; whole ones stay on their way. */
  restart(): void {
    this.#epoch++;
    if (this.#partial !== undefined) this.#heldBytes -= this.#partial.filled + MESSAGE_COST_BYTES;
    this.#partial = undefined;
    this.#begun = 0;
    this.#accepted = 0;
    this.#spentBytes = 0;
    this.#toldGrantedBytes = 0;
    this.#toldAccepted = 0;
  }

  #faultIn(fragment: Fragment): string | undefined {
    if (fragment.totalBytes > this.#limits.messageBytes)
      return `a message of ${fragment.totalBytes} bytes is over the maximum`;
    const number = this.#partial === undefined ? this.#begun + 1 : this.#begun;
    if (fragment.number !== number) return `message ${fragment.number} came where ${number} was due`;
    const offset = this.#partial?.filled ?? 0;
    if (fragment.offset !== offset) return `offset ${fragment.offset} came where ${offset} was due`;
    const total = this.#partial?.bytes.length ?? fragment.totalBytes;
    if (fragment.totalBytes !== total) return `a message of ${total} bytes became one of ${fragment.totalBytes}`;
    if (offset + fragment.bytes.length > total)
      return `a message of ${total} bytes went on to ${offset + fragment.bytes.length}`;
    if (fragment.bytes.length === 0 && total > 0) return "a fragment carried nothing";
    if (this.#spentBytes + costOf(fragment) > this.#toldGrantedBytes) return "the peer sent more than it was granted";
    return undefined;
  }
}

function costOf(fragment: Fragment): number {
  return fragment.bytes.length + (fragment.offset === 0 ? MESSAGE_COST_BYTES : 0);
}

const INCOMPLETE: IncomingResult = { kind: "incomplete" };
