// Two whole ends over a simulated stream of bytes with a virtual clock: flips, cuts at any byte, black holes, restarts.
import type { Endpoint, EndpointEvent, EndpointOptions } from "../src/endpoint.ts";
import type { Arrived } from "../src/incoming.ts";
import type { Priority } from "../src/message-frame.ts";
import { type Random, randomFrom } from "./generator.ts";
import type { CreateHandshakes } from "./sessions.ts";

export interface StreamFaults {
  flippedBits: number;
  cuts: number;
  lostChunks: number;
  restarts: number;
  fullQueues: number;
}

export interface EndpointRun {
  readonly violations: readonly string[];
  readonly faults: StreamFaults;
  /** Messages handed to both applications, repeats after restarts included. */
  readonly handed: number;
}

export interface Letter {
  readonly id: number;
  readonly priority: Priority;
  readonly bytes: Uint8Array;
}

export interface EndpointSimulation {
  readonly seed: number;
  readonly faulty: boolean;
  readonly createEndpoint: (options: EndpointOptions, bootId: bigint) => Endpoint<Letter>;
  readonly createHandshakes: CreateHandshakes;
}

const LETTERS = 25;
const LETTER_BYTES_AT_MOST = 9_000;
const RECEIVE_BYTES = 20_000;
const PENDING_LETTERS = 6;
const FAULTY_MS = 6_000;
const END_MS = 200_000;
const REKEY_FRAMES = 100;
const LINE_BYTES = 16_384;

/** Runs one seed to its end: the line is faulty for a while, then clean; by then every letter must be accepted once. */
export function runEndpoints(simulation: EndpointSimulation): EndpointRun {
  return new StreamWorld(simulation).run();
}

interface Chunk {
  readonly atMs: number;
  readonly to: Process;
  readonly bytes: Uint8Array;
}

/** One process. What it has stored survives its restart, everything else does not. */
class Process {
  readonly name: string;
  readonly outbox: readonly Letter[];
  endpoint: Endpoint<Letter>;
  offered = 0;
  inHand: Arrived[] = [];
  acceptAtMs = 0;
  /** Stored: how many of the own letters are settled, and which letters of the peer were accepted. */
  settled = 0;
  readonly accepted = new Set<number>();
  lastHanded = 0;
  /** A restart of either process allows one step back to what was not settled. */
  stepsBack = 0;

  constructor(name: string, outbox: readonly Letter[], endpoint: Endpoint<Letter>) {
    this.name = name;
    this.outbox = outbox;
    this.endpoint = endpoint;
  }
}

class StreamWorld {
  readonly #simulation: EndpointSimulation;
  readonly #random: Random;
  readonly #faults: StreamFaults = { flippedBits: 0, cuts: 0, lostChunks: 0, restarts: 0, fullQueues: 0 };
  readonly #violations: string[] = [];
  readonly #left: Process;
  readonly #right: Process;
  readonly #scratch = new Uint8Array(8_192);
  #chunks: Chunk[] = [];
  #nowMs = 0;
  #nextTurnMs = 0;
  #connected = false;
  #blackHoleUntilMs = 0;
  #handed = 0;

  constructor(simulation: EndpointSimulation) {
    this.#simulation = simulation;
    this.#random = randomFrom(simulation.seed);
    this.#left = new Process("left", this.#letters(), this.#createEndpoint("left", "right"));
    this.#right = new Process("right", this.#letters(), this.#createEndpoint("right", "left"));
  }

  run(): EndpointRun {
    while (this.#violations.length === 0 && !this.#isFinished()) {
      if (this.#nowMs > END_MS) {
        const settled = this.#both().map((one) => `${one.name} has settled ${one.settled}`);
        this.#violations.push(`not finished: ${settled.join(", ")}`);
        break;
      }
      if (this.#nowMs >= this.#nextTurnMs) this.#turn();
      this.#arrive();
      for (const process of this.#both()) this.#work(process);
      this.#nowMs = this.#nextMs();
    }
    return { violations: this.#violations, faults: this.#faults, handed: this.#handed };
  }

  #both(): readonly Process[] {
    return [this.#left, this.#right];
  }

  #letters(): readonly Letter[] {
    return Array.from({ length: LETTERS }, (_, index) => {
      const id = index + 1;
      const length = this.#random.chance(0.1) ? 0 : this.#random.below(LETTER_BYTES_AT_MOST);
      return { id, priority: "ordinary", bytes: contentOf(id, length) };
    });
  }

  #createEndpoint(localName: string, peerName: string): Endpoint<Letter> {
    const times = {
      heartbeatMs: 200,
      silenceMs: 600,
      initialRetransmitMs: 100,
      minRetransmitMs: 20,
      maxRetransmitMs: 400,
      rekeyFrames: REKEY_FRAMES,
      rekeyMs: 2_000,
      freeAttempts: 3,
      attemptMinMs: 20,
      attemptMaxMs: 400,
    };
    const handshakes = this.#simulation.createHandshakes({
      localName,
      peerName,
      random: this.#random,
      onNonceReused: () => this.#violations.push(`${localName} used a nonce twice`),
    });
    const link = { ...times, localName, peerName, handshakes, windowFrames: 6 };
    const limits = {
      pendingMessages: PENDING_LETTERS,
      pendingBytes: 60_000,
      receiveBytes: RECEIVE_BYTES,
      urgentPendingMessages: 1,
      urgentPendingBytes: 1,
      urgentReceiveBytes: 1,
    };
    return this.#simulation.createEndpoint({ ...limits, link }, this.#random.bits64());
  }

  #isFaulty(): boolean {
    return this.#simulation.faulty && this.#nowMs < FAULTY_MS;
  }

  #isFinished(): boolean {
    return !this.#isFaulty() && this.#both().every((one) => one.settled === LETTERS && one.accepted.size === LETTERS);
  }

  #turn(): void {
    this.#nextTurnMs = this.#nowMs + 20 + this.#random.below(500);
    if (!this.#connected) {
      this.#connected = true;
      for (const process of this.#both()) process.endpoint.connected(this.#nowMs);
    } else if (this.#isFaulty() && this.#random.chance(0.5)) {
      this.#cut();
      if (this.#random.chance(0.25)) this.#restart(this.#random.chance(0.5) ? this.#left : this.#right);
    } else if (this.#isFaulty() && this.#random.chance(0.1)) {
      this.#blackHoleUntilMs = this.#nowMs + this.#random.below(1_500);
    }
  }

  /** Of what is on its way, a first part still arrives, up to any byte. */
  #cut(): void {
    this.#faults.cuts++;
    for (const process of this.#both()) {
      const stream = Buffer.concat(this.#chunks.filter((chunk) => chunk.to === process).map((chunk) => chunk.bytes));
      this.#receive(process, stream.subarray(0, this.#random.below(stream.length + 1)));
    }
    this.#chunks = [];
    this.#connected = false;
    for (const process of this.#both()) process.endpoint.disconnected();
  }

  #restart(process: Process): void {
    this.#faults.restarts++;
    const other = process === this.#left ? this.#right : this.#left;
    process.endpoint = this.#createEndpoint(process.name, other.name);
    process.offered = process.settled;
    process.inHand = [];
    for (const one of this.#both()) one.stepsBack++;
  }

  /** The application of one process: offers its outbox, accepts what it holds after some thought, and lets bytes out. */
  #work(process: Process): void {
    for (let letter = process.outbox[process.offered]; letter !== undefined; letter = process.outbox[process.offered]) {
      const refusal = process.endpoint.offer(letter);
      if (refusal !== undefined) {
        this.#faults.fullQueues++;
        break;
      }
      process.offered++;
    }
    const [inHand] = process.inHand;
    if (inHand !== undefined && process.acceptAtMs <= this.#nowMs) {
      process.inHand.shift();
      process.accepted.add(idOf(inHand.bytes));
      process.endpoint.accepted(inHand);
      this.#takeUp(process);
    }
    if (process.endpoint.messages.receivedBytes > RECEIVE_BYTES + 1)
      this.#violations.push(`${process.name} holds ${process.endpoint.messages.receivedBytes} bytes`);
    if (this.#connected && process.endpoint.isSilent(this.#nowMs)) this.#cut();
    if (this.#connected) this.#write(process);
  }

  #write(process: Process): void {
    const to = process === this.#left ? this.#right : this.#left;
    const underWay = this.#chunks
      .filter((chunk) => chunk.to === to)
      .reduce((sum, chunk) => sum + chunk.bytes.length, 0);
    if (underWay > LINE_BYTES) return;
    const length = process.endpoint.write(this.#scratch, this.#nowMs);
    if (length === 0) return;
    const bytes = this.#scratch.slice(0, length);
    if (this.#isFaulty() && this.#nowMs < this.#blackHoleUntilMs) {
      this.#faults.lostChunks++;
      return;
    }
    if (this.#isFaulty() && this.#random.chance(0.1)) {
      this.#faults.flippedBits++;
      const at = this.#random.below(length);
      bytes[at] = (bytes[at] as number) ^ (1 << this.#random.below(8));
    }
    this.#chunks.push({ atMs: this.#nowMs + 3, to, bytes });
  }

  #arrive(): void {
    const due = this.#chunks.filter((chunk) => chunk.atMs <= this.#nowMs);
    this.#chunks = this.#chunks.filter((chunk) => chunk.atMs > this.#nowMs);
    for (const { to, bytes } of due) {
      const at = this.#random.below(bytes.length + 1);
      this.#receive(to, bytes.subarray(0, at));
      this.#receive(to, bytes.subarray(at));
    }
  }

  #receive(process: Process, bytes: Uint8Array): void {
    for (const event of process.endpoint.receive(bytes, this.#nowMs)) this.#check(process, event);
  }

  #check(process: Process, event: EndpointEvent<Letter>): void {
    switch (event.kind) {
      case "established":
        return;
      case "arrived":
        process.inHand.push(event.message);
        if (process.inHand.length === 1) this.#takeUp(process);
        return;
      case "settled": {
        const other = process === this.#left ? this.#right : this.#left;
        const { id } = event.message;
        if (id !== process.settled + 1) this.#violations.push(`${process.name} settled ${id} after ${process.settled}`);
        if (!other.accepted.has(id))
          this.#violations.push(`${process.name} settled ${id}, which ${other.name} has not accepted`);
        process.settled = id;
        return;
      }
      case "refused":
      case "violation":
        this.#violations.push(`${process.name}: ${event.kind} ${event.detail}`);
        return;
      default:
        event satisfies never;
    }
  }

  /** Hands the next letter to the application, and judges whether it is the one that may come now. */
  #takeUp(process: Process): void {
    const [next] = process.inHand;
    if (next === undefined) return;
    process.acceptAtMs = this.#nowMs + this.#random.below(60);
    this.#handed++;
    const id = idOf(next.bytes);
    const sender = process === this.#left ? this.#right : this.#left;
    if (!Buffer.from(next.bytes).equals(sender.outbox[id - 1]?.bytes ?? Buffer.of(0)))
      this.#violations.push(`${process.name} got letter ${id} altered`);
    const isNext = id === process.lastHanded + 1;
    const isStepBack = !isNext && process.stepsBack > 0 && id <= process.lastHanded && id > sender.settled;
    if (isStepBack) process.stepsBack--;
    if (!isNext && !isStepBack)
      this.#violations.push(`${process.name} got letter ${id} after ${process.lastHanded}, ${sender.settled} settled`);
    process.lastHanded = id;
  }

  #nextMs(): number {
    const dues = [this.#nextTurnMs, ...this.#chunks.map((chunk) => chunk.atMs)];
    for (const process of this.#both()) {
      if (process.inHand.length > 0) dues.push(process.acceptAtMs);
      if (this.#connected) dues.push(process.endpoint.dueAtMs());
    }
    return Math.max(this.#nowMs + 1, Math.min(...dues));
  }
}

const ID_BYTES = 1;

function contentOf(id: number, length: number): Uint8Array {
  const bytes = new Uint8Array(ID_BYTES + length);
  for (let at = 0; at < bytes.length; at++) bytes[at] = at === 0 ? id : (id * 31 + at * 7) & 0xff;
  return bytes;
}

function idOf(bytes: Uint8Array): number {
  return bytes[0] ?? 0;
}
