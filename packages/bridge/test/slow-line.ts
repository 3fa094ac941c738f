// Two whole ends over a line of so many baud in simulated time: what a carrier has taken leaves it byte by byte.
import { Endpoint, type EndpointOptions } from "../src/endpoint.ts";
import { DEFAULT_LIMITS } from "../src/limits.ts";
import type { Priority } from "../src/message-frame.ts";
import { type Random, randomFrom } from "./generator.ts";
import { noiseSessions } from "./sessions.ts";

export interface Timed {
  readonly bytes: Uint8Array;
  readonly priority: Priority;
  readonly offeredAtMs: number;
}

export interface SlowEnd {
  readonly name: string;
  endpoint: Endpoint<Timed>;
  /** Bytes that this end has put on the line. */
  sentBytes: number;
  /** What the peer's application accepted of it, and after how long. */
  readonly settled: { readonly message: Timed; readonly afterMs: number }[];
  /** Whole messages that arrived here. */
  arrived: number;
  silences: number;
  /** What the carrier still holds, and how far it is. */
  carrier: Uint8Array;
  carrierSinceMs: number;
  carrierAt: number;
}

/** Ten bits for a byte: start, eight, stop. */
const bytesPerMs = (baud: number): number => baud / 10 / 1_000;

export class SlowLine {
  readonly left: SlowEnd;
  readonly right: SlowEnd;
  readonly #baud: number;
  readonly #scratch: Uint8Array;
  readonly #random: Random = randomFrom(1);
  nowMs = 0;
  #connected = false;

  constructor(baud: number, chunkBytes: number) {
    this.#baud = baud;
    this.#scratch = new Uint8Array(chunkBytes);
    this.left = this.#createEnd("left", "right");
    this.right = this.#createEnd("right", "left");
    this.connect();
  }

  connect(): void {
    this.#connected = true;
    for (const end of this.#ends()) {
      end.carrier = new Uint8Array(0);
      end.carrierAt = 0;
      end.endpoint.connected(this.nowMs);
    }
  }

  /** Whatever the carriers still held is lost. */
  cut(): void {
    this.#connected = false;
    for (const { endpoint } of this.#ends()) endpoint.disconnected();
  }

  /** The process of this end is a new one, which knows nothing of the old. What it had not settled it offers again. */
  restart(end: SlowEnd, messages: readonly Timed[]): void {
    end.endpoint = this.#createEndpoint(end.name, end === this.left ? "right" : "left");
    for (const message of messages) end.endpoint.offer(message);
  }

  send(end: SlowEnd, priority: Priority, bytes: Uint8Array): void {
    const refusal = end.endpoint.offer({ bytes, priority, offeredAtMs: this.nowMs });
    if (refusal !== undefined) throw new Error(refusal);
  }

  /** Lets time pass, a millisecond at a time, until `holds`. Throws after `atMostMs`. */
  runUntil(holds: () => boolean, atMostMs: number): void {
    const endMs = this.nowMs + atMostMs;
    while (!holds()) {
      if (this.nowMs >= endMs) throw new Error(`not within ${atMostMs} ms`);
      this.nowMs++;
      if (!this.#connected) continue;
      for (const end of this.#ends()) this.#step(end);
    }
  }

  #ends(): readonly SlowEnd[] {
    return [this.left, this.right];
  }

  #createEnd(name: string, peer: string): SlowEnd {
    return {
      name,
      endpoint: this.#createEndpoint(name, peer),
      sentBytes: 0,
      settled: [],
      arrived: 0,
      silences: 0,
      carrier: new Uint8Array(0),
      carrierSinceMs: 0,
      carrierAt: 0,
    };
  }

  #createEndpoint(localName: string, peerName: string): Endpoint<Timed> {
    const onNonceReused = (): void => {
      throw new Error("a nonce was used twice");
    };
    const handshakes = noiseSessions({ localName, peerName, random: this.#random, onNonceReused });
    const times = { windowFrames: 32, initialRetransmitMs: 500, minRetransmitMs: 50, maxRetransmitMs: 5_000 };
    const options: EndpointOptions = {
      ...DEFAULT_LIMITS,
      link: { ...DEFAULT_LIMITS, ...times, localName, peerName, handshakes },
    };
    return new Endpoint<Timed>(options, this.#random.bits64());
  }

  #step(end: SlowEnd): void {
    const other = end === this.left ? this.right : this.left;
    const gone = Math.min(end.carrier.length, Math.floor((this.nowMs - end.carrierSinceMs) * bytesPerMs(this.#baud)));
    if (gone > end.carrierAt) {
      this.#receive(other, end.carrier.subarray(end.carrierAt, gone));
      end.carrierAt = gone;
    }
    if (end.endpoint.isSilent(this.nowMs)) end.silences++;
    if (end.carrierAt < end.carrier.length) return;
    const length = end.endpoint.write(this.#scratch, this.nowMs);
    if (length === 0) return;
    end.carrier = this.#scratch.slice(0, length);
    end.carrierSinceMs = this.nowMs;
    end.carrierAt = 0;
    end.sentBytes += length;
  }

  #receive(end: SlowEnd, bytes: Uint8Array): void {
    for (const event of end.endpoint.receive(bytes, this.nowMs)) {
      if (event.kind === "arrived") {
        end.arrived++;
        end.endpoint.accepted(event.message);
      } else if (event.kind === "settled") {
        const { message } = event;
        end.settled.push({ message, afterMs: this.nowMs - message.offeredAtMs });
      } else if (event.kind !== "established") {
        throw new Error(`${end.name}: ${event.kind} ${event.detail}`);
      }
    }
  }
}
