// Two whole ends over an impaired line in simulated time: every message exactly once, in order, in bounded memory.
import type { Endpoint, EndpointEvent, EndpointOptions } from "../src/endpoint.ts";
import { FrameDecoder, MAX_FRAME_BODY_BYTES } from "../src/frame.ts";
import type { Arrived } from "../src/incoming.ts";
import type { Priority } from "../src/message-frame.ts";
import type { StreamLimits } from "../src/message-streams.ts";
import { type Random, randomFrom } from "./generator.ts";
import { type Impairment, type ImpairmentCounts, NO_IMPAIRMENT, passChunk } from "./impaired-line.ts";
import { noiseSessions } from "./sessions.ts";

export interface ImpairedRun {
  readonly violations: readonly string[];
  readonly faults: ImpairmentCounts;
  readonly handed: number;
  readonly connections: number;
  readonly silences: number;
  /** How often a sender had to wait because its queue was full. */
  readonly heldBack: number;
  readonly retransmissions: number;
  readonly duplicates: number;
  readonly framesDropped: number;
  readonly greatestHeldBytes: number;
  readonly simulatedMs: number;
}

export interface Letter {
  readonly bytes: Uint8Array;
  readonly priority: Priority;
  readonly number: number;
}

export interface ImpairedSimulation {
  readonly seed: number;
  /** Each way, one in five of them urgent. */
  readonly messages: number;
  readonly impairment: Impairment;
  /** Simulated time after which it counts as stuck. */
  readonly endMs: number;
  readonly createEndpoint: (options: EndpointOptions, bootId: bigint) => Endpoint<Letter>;
}

const WINDOW_FRAMES = 32;
const LARGEST_BYTES = 16_000;
const LIMITS: StreamLimits = {
  pendingMessages: 64,
  pendingBytes: 200_000,
  receiveBytes: 60_000,
  urgentPendingMessages: 16,
  urgentPendingBytes: 50_000,
  urgentReceiveBytes: 30_000,
};
const CHUNK_BYTES = 16_384;
const CHUNKS_ON_LINE = 4;
const LATENCY_MS = 3;

/** The stated bound for these limits: both queues, both rooms, both windows, two half messages, and the decoder. */
export const HELD_BYTES_AT_MOST =
  LIMITS.pendingBytes +
  LIMITS.urgentPendingBytes +
  LIMITS.receiveBytes +
  LIMITS.urgentReceiveBytes +
  2 * LARGEST_BYTES +
  3 * WINDOW_FRAMES * MAX_FRAME_BODY_BYTES +
  FrameDecoder.HELD_BYTES;

export function runImpaired(simulation: ImpairedSimulation): ImpairedRun {
  return new ImpairedWorld(simulation).run();
}

interface End {
  readonly name: string;
  readonly seed: number;
  readonly endpoint: Endpoint<Letter>;
  offered: number;
  next: Letter | undefined;
  readonly settled: Record<Priority, number>;
  readonly handed: Record<Priority, number>;
  readonly inHand: { readonly message: Arrived; readonly acceptAtMs: number }[];
  /** The line towards this end lets nothing through before. */
  notBeforeMs: number;
}

interface Chunk {
  readonly atMs: number;
  readonly to: End;
  readonly bytes: Uint8Array;
}

class ImpairedWorld {
  readonly #simulation: ImpairedSimulation;
  readonly #random: Random;
  readonly #faults: ImpairmentCounts = { ...NO_IMPAIRMENT };
  readonly #violations: string[] = [];
  readonly #ends: readonly [End, End];
  readonly #scratch = new Uint8Array(CHUNK_BYTES);
  #chunks: Chunk[] = [];
  #nowMs = 0;
  #connectedSinceMs: number | undefined;
  #connectAtMs = 0;
  #connections = 0;
  #silences = 0;
  #heldBack = 0;
  #greatestHeldBytes = 0;

  constructor(simulation: ImpairedSimulation) {
    this.#simulation = simulation;
    this.#random = randomFrom(simulation.seed);
    this.#ends = [this.#createEnd("left", "right", 1), this.#createEnd("right", "left", 2)];
  }

  run(): ImpairedRun {
    while (this.#violations.length === 0 && !this.#isFinished()) {
      if (this.#nowMs > this.#simulation.endMs) this.#violations.push("not finished");
      if (this.#connectedSinceMs === undefined && this.#nowMs >= this.#connectAtMs) this.#connect();
      this.#arrive();
      for (const end of this.#ends) this.#work(end);
      this.#nowMs = this.#nextMs();
    }
    const counts = this.#ends.map(({ endpoint }) => endpoint.counts());
    const sum = (of: (count: (typeof counts)[number]) => number): number => counts.reduce((all, c) => all + of(c), 0);
    return {
      violations: this.#violations,
      faults: this.#faults,
      handed: this.#ends.reduce((all, { handed }) => all + handed.ordinary + handed.urgent, 0),
      connections: this.#connections,
      silences: this.#silences,
      heldBack: this.#heldBack,
      retransmissions: sum(({ retransmissions }) => retransmissions),
      duplicates: sum(({ duplicates }) => duplicates),
      framesDropped: sum(({ framesDropped }) => framesDropped),
      greatestHeldBytes: this.#greatestHeldBytes,
      simulatedMs: Math.round(this.#nowMs),
    };
  }

  #createEnd(localName: string, peerName: string, seed: number): End {
    const times = { heartbeatMs: 1_000, silenceMs: 5_000 };
    const retransmit = { initialRetransmitMs: 500, minRetransmitMs: 50, maxRetransmitMs: 5_000 };
    const wear = { rekeyFrames: 2 ** 20, rekeyMs: 600_000, freeAttempts: 5, attemptMinMs: 1_000, attemptMaxMs: 30_000 };
    const onNonceReused = (): void => void this.#violations.push(`${localName} used a nonce twice`);
    const handshakes = noiseSessions({ localName, peerName, random: this.#random, onNonceReused });
    const link = { ...times, ...retransmit, ...wear, localName, peerName, handshakes, windowFrames: WINDOW_FRAMES };
    return {
      name: localName,
      seed,
      endpoint: this.#simulation.createEndpoint({ ...LIMITS, link }, this.#random.bits64()),
      offered: 0,
      next: undefined,
      settled: { ordinary: 0, urgent: 0 },
      handed: { ordinary: 0, urgent: 0 },
      inHand: [],
      notBeforeMs: 0,
    };
  }

  #isFinished(): boolean {
    return this.#ends.every(({ settled }) => settled.ordinary + settled.urgent === this.#simulation.messages);
  }

  #connect(): void {
    this.#connections++;
    this.#connectedSinceMs = this.#nowMs;
    for (const end of this.#ends) {
      end.notBeforeMs = this.#nowMs;
      end.endpoint.connected(this.#nowMs);
    }
  }

  #cut(): void {
    if (this.#connectedSinceMs === undefined) return;
    this.#connectedSinceMs = undefined;
    this.#connectAtMs = this.#nowMs + 20 + this.#random.below(180);
    this.#chunks = [];
    for (const { endpoint } of this.#ends) endpoint.disconnected();
  }

  #arrive(): void {
    const due = this.#chunks.filter(({ atMs }) => atMs <= this.#nowMs).toSorted((a, b) => a.atMs - b.atMs);
    this.#chunks = this.#chunks.filter(({ atMs }) => atMs > this.#nowMs);
    for (const { to, bytes } of due) {
      if (this.#connectedSinceMs === undefined) return;
      for (const event of to.endpoint.receive(bytes, this.#nowMs)) this.#take(to, event);
    }
  }

  /** The application offers what its queue takes and accepts what it was handed; then the bytes go out. */
  #work(end: End): void {
    const { endpoint } = end;
    while (end.offered < this.#simulation.messages) {
      end.next ??= letterOf(end.seed, end.offered);
      if (endpoint.offer(end.next) !== undefined) {
        this.#heldBack++;
        break;
      }
      end.next = undefined;
      end.offered++;
    }
    while (end.inHand[0] !== undefined && end.inHand[0].acceptAtMs <= this.#nowMs) {
      const { message } = end.inHand[0];
      end.inHand.shift();
      endpoint.accepted(message);
    }
    const held = endpoint.heldBytes;
    this.#greatestHeldBytes = Math.max(this.#greatestHeldBytes, held);
    if (held > HELD_BYTES_AT_MOST) this.#violations.push(`${end.name} holds ${held} bytes of ${HELD_BYTES_AT_MOST}`);
    if (this.#connectedSinceMs === undefined) return;
    if (endpoint.isSilent(this.#nowMs)) {
      this.#silences++;
      this.#cut();
      return;
    }
    const to = end === this.#ends[0] ? this.#ends[1] : this.#ends[0];
    while (
      this.#connectedSinceMs !== undefined &&
      this.#chunks.filter((chunk) => chunk.to === to).length < CHUNKS_ON_LINE
    ) {
      const length = endpoint.write(this.#scratch, this.#nowMs);
      if (length === 0) return;
      this.#transmit(to, this.#scratch.subarray(0, length));
    }
  }

  #transmit(to: End, chunk: Uint8Array): void {
    const { pieces, stallMs, cut } = passChunk(this.#random, this.#simulation.impairment, this.#faults, chunk);
    if (cut) {
      this.#cut();
      return;
    }
    to.notBeforeMs = Math.max(to.notBeforeMs, this.#nowMs) + stallMs;
    for (const { bytes, lateMs } of pieces)
      this.#chunks.push({ atMs: to.notBeforeMs + LATENCY_MS + lateMs, to, bytes });
  }

  #take(end: End, event: EndpointEvent<Letter>): void {
    const sender = end === this.#ends[0] ? this.#ends[1] : this.#ends[0];
    switch (event.kind) {
      case "established":
        if (event.fresh && this.#connections > 1 && end.handed.ordinary > 0)
          this.#violations.push(`${end.name} began a new epoch although nobody restarted`);
        return;
      case "arrived": {
        const { priority, bytes } = event.message;
        const number = end.handed[priority]++;
        const expected = letterOf(sender.seed, indexOf(priority, number));
        if (!Buffer.from(bytes).equals(expected.bytes))
          this.#violations.push(`${end.name} got another message than ${priority} ${number}`);
        end.inHand.push({ message: event.message, acceptAtMs: this.#nowMs + this.#random.below(20) });
        return;
      }
      case "settled": {
        const { priority, number } = event.message;
        if (number !== indexOf(priority, end.settled[priority]))
          this.#violations.push(`${end.name} settled ${number} after ${end.settled[priority]} ${priority} ones`);
        if (sender.handed[priority] <= end.settled[priority])
          this.#violations.push(`${end.name} settled ${number}, which ${sender.name} never had`);
        end.settled[priority]++;
        return;
      }
      case "refused":
      case "violation":
        this.#violations.push(`${end.name}: ${event.kind} ${event.detail}`);
        return;
      default:
        event satisfies never;
    }
  }

  #nextMs(): number {
    const dues = this.#chunks.map(({ atMs }) => atMs);
    if (this.#connectedSinceMs === undefined) dues.push(this.#connectAtMs);
    for (const { endpoint, inHand } of this.#ends) {
      if (inHand[0] !== undefined) dues.push(inHand[0].acceptAtMs);
      if (this.#connectedSinceMs !== undefined) dues.push(endpoint.dueAtMs());
    }
    return Math.max(this.#nowMs + 1, Math.min(...dues));
  }
}

/** Every fifth message is urgent. */
export function indexOf(priority: Priority, number: number): number {
  return priority === "urgent" ? 5 * number : number + Math.floor(number / 4) + 1;
}

/** Up to 16 kB, each order of magnitude as often as the next, and never too short to be told from every other. */
export function letterOf(seed: number, number: number): Letter {
  const priority: Priority = number % 5 === 0 ? "urgent" : "ordinary";
  const random = randomFrom(seed * 1_000_003 + number);
  const length = Math.max(24, Math.floor(Math.exp(random.next() * Math.log(LARGEST_BYTES))));
  return { number, priority, bytes: Buffer.alloc(length, `${seed}:${number}:${random.below(2 ** 32)};`) };
}
