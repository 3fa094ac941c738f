// Two links over a simulated line with a virtual clock: every fault comes from the seed, so every run can be had again.
import type { Link, LinkEvent, LinkOptions } from "../src/link.ts";
import { type Random, randomFrom } from "./generator.ts";
import type { CreateHandshakes } from "./sessions.ts";

export interface LinkFaults {
  lost: number;
  duplicated: number;
  reordered: number;
  replayed: number;
  /** One byte of a passing frame altered, with a checksum that fits: what only a session notices. */
  tampered: number;
  cuts: number;
  restarts: number;
  /** Not a fault: keys that took over from others on the same connection. */
  rekeys: number;
}

export interface LinkRun {
  /** What went wrong; empty when the link kept its promise. */
  readonly violations: readonly string[];
  readonly faults: LinkFaults;
  readonly delivered: number;
}

export interface LinkSimulation {
  readonly seed: number;
  /** False runs the same traffic over a line without faults: the untampered control. */
  readonly faulty: boolean;
  readonly createLink: (options: LinkOptions) => Link;
  readonly createHandshakes: CreateHandshakes;
}

const MESSAGES = 40;
const FAULTY_MS = 4_000;
const END_MS = 120_000;
const KEPT_FOR_REPLAY = 64;
const REKEY_FRAMES = 60;

export const NO_LINK_FAULTS: Readonly<LinkFaults> = {
  lost: 0,
  duplicated: 0,
  reordered: 0,
  replayed: 0,
  tampered: 0,
  cuts: 0,
  restarts: 0,
  rekeys: 0,
};

/** Runs one seed to its end. The line is faulty for a while, then clean: by the end everything must have arrived. */
export function runLinks(simulation: LinkSimulation): LinkRun {
  return new LinkWorld(simulation).run();
}

interface Packet {
  readonly atMs: number;
  readonly to: Side;
  readonly bytes: Uint8Array;
}

/** One process's end: its link, what it sends in this epoch, and the checker's record of what it received. */
class Side {
  readonly name: string;
  link: Link;
  /** Tags what is sent in one epoch; later epochs have greater tags. */
  epoch = 0;
  sent = 0;
  received: number[] = [];
  receivedEpoch = -1;

  constructor(name: string, link: Link) {
    this.name = name;
    this.link = link;
  }
}

class LinkWorld {
  readonly #simulation: LinkSimulation;
  readonly #random: Random;
  readonly #faults: LinkFaults = { ...NO_LINK_FAULTS };
  readonly #violations: string[] = [];
  readonly #left: Side;
  readonly #right: Side;
  #packets: Packet[] = [];
  #recorded: Packet[] = [];
  #nowMs = 0;
  #epochs = 0;
  #delivered = 0;
  #connected = false;
  #nextTurnMs = 0;
  readonly #lossRate: number;

  constructor(simulation: LinkSimulation) {
    this.#simulation = simulation;
    this.#random = randomFrom(simulation.seed);
    this.#lossRate = this.#random.next() * 0.4;
    this.#left = new Side("left", this.#createLink("left", "right"));
    this.#right = new Side("right", this.#createLink("right", "left"));
  }

  run(): LinkRun {
    while (this.#violations.length === 0 && !this.#isFinished()) {
      if (this.#nowMs > END_MS) {
        this.#violations.push(
          `not finished: left has ${this.#left.received.length}, right has ${this.#right.received.length}`,
        );
        break;
      }
      if (this.#nowMs >= this.#nextTurnMs) this.#turn();
      this.#deliverDue();
      for (const side of [this.#left, this.#right]) this.#pump(side);
      this.#nowMs = this.#nextMs();
    }
    for (const { link } of [this.#left, this.#right]) this.#faults.rekeys += link.counts().rekeys;
    return { violations: this.#violations, faults: this.#faults, delivered: this.#delivered };
  }

  #createLink(localName: string, peerName: string): Link {
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
    return this.#simulation.createLink({
      ...times,
      localName,
      peerName,
      bootId: this.#random.bits64(),
      handshakes,
      windowFrames: 6,
    });
  }

  #isFaulty(): boolean {
    return this.#simulation.faulty && this.#nowMs < FAULTY_MS;
  }

  #isFinished(): boolean {
    return !this.#isFaulty() && [this.#left, this.#right].every((side) => side.received.length === MESSAGES);
  }

  /** Now and then the line is cut, joined again, or one process starts anew. */
  #turn(): void {
    this.#nextTurnMs = this.#nowMs + 50 + this.#random.below(400);
    if (!this.#connected) {
      this.#join();
      return;
    }
    if (!this.#isFaulty() || this.#random.chance(0.4)) return;
    this.#cut();
    if (this.#random.chance(0.3)) this.#restart(this.#random.chance(0.5) ? this.#left : this.#right);
  }

  #join(): void {
    this.#connected = true;
    for (const side of [this.#left, this.#right]) side.link.connected(this.#nowMs);
  }

  #cut(): void {
    this.#faults.cuts++;
    this.#connected = false;
    // Half of the time what was on its way arrives late, on the next connection.
    if (this.#random.chance(0.5)) this.#packets = [];
    for (const side of [this.#left, this.#right]) side.link.disconnected();
  }

  #restart(side: Side): void {
    this.#faults.restarts++;
    this.#faults.rekeys += side.link.counts().rekeys;
    const other = side === this.#left ? this.#right : this.#left;
    side.link = this.#createLink(side.name, other.name);
    side.received = [];
    side.receivedEpoch = -1;
  }

  #pump(side: Side): void {
    if (!this.#connected) return;
    if (side.link.isSilent(this.#nowMs)) {
      this.#cut();
      return;
    }
    while (side.link.canSend() && side.sent < MESSAGES)
      side.link.send(Uint8Array.of(side.epoch >> 8, side.epoch & 0xff, side.sent++));
    const to = side === this.#left ? this.#right : this.#left;
    for (let frame = side.link.nextFrame(this.#nowMs); frame !== undefined; frame = side.link.nextFrame(this.#nowMs))
      this.#transmit(to, frame);
  }

  #transmit(to: Side, bytes: Uint8Array): void {
    const packet = { atMs: this.#nowMs + 5, to, bytes };
    if (!this.#isFaulty()) {
      this.#packets.push(packet);
      return;
    }
    this.#recorded.push(packet);
    if (this.#recorded.length > KEPT_FOR_REPLAY) this.#recorded.splice(this.#random.below(KEPT_FOR_REPLAY), 1);
    if (this.#random.chance(this.#lossRate)) {
      this.#faults.lost++;
    } else if (this.#random.chance(0.2)) {
      this.#faults.reordered++;
      this.#packets.push({ ...packet, atMs: packet.atMs + this.#random.below(60) });
    } else if (this.#random.chance(0.02)) {
      this.#faults.tampered++;
      this.#packets.push({ ...packet, bytes: this.#tampered(bytes) });
    } else {
      this.#packets.push(packet);
    }
    if (this.#random.chance(0.1)) {
      this.#faults.duplicated++;
      this.#packets.push({ ...packet, atMs: packet.atMs + this.#random.below(100) });
    }
    const old = this.#recorded[this.#random.below(this.#recorded.length)];
    if (old !== undefined && this.#random.chance(0.1)) {
      this.#faults.replayed++;
      this.#packets.push({ ...old, atMs: packet.atMs });
    }
  }

  #tampered(bytes: Uint8Array): Uint8Array {
    const altered = Uint8Array.from(bytes);
    const at = this.#random.below(altered.length);
    altered[at] = (altered[at] as number) ^ (1 + this.#random.below(255));
    return altered;
  }

  #deliverDue(): void {
    const due = this.#packets.filter((packet) => packet.atMs <= this.#nowMs).sort((a, b) => a.atMs - b.atMs);
    this.#packets = this.#packets.filter((packet) => packet.atMs > this.#nowMs);
    for (const { to, bytes } of due) {
      if (!this.#connected) return;
      for (const event of to.link.receive(bytes, this.#nowMs)) this.#check(to, event);
    }
  }

  #check(side: Side, event: LinkEvent): void {
    switch (event.kind) {
      case "established":
        if (!event.fresh) return;
        side.epoch = ++this.#epochs;
        side.sent = 0;
        side.received = [];
        return;
      case "delivered": {
        const [high = 0, low = 0, index = 0] = event.body;
        const epoch = high * 256 + low;
        this.#delivered++;
        if (!side.link.isUp) this.#violations.push(`${side.name} believed a frame before its peer was proved`);
        if (index !== side.received.length)
          this.#violations.push(`${side.name} got ${index} where ${side.received.length} was due`);
        const isNewEpoch = side.received.length === 0 ? epoch > side.receivedEpoch : epoch === side.receivedEpoch;
        if (!isNewEpoch) this.#violations.push(`${side.name} got epoch ${epoch} after ${side.receivedEpoch}`);
        side.receivedEpoch = epoch;
        side.received.push(index);
        return;
      }
      case "refused":
        // Over a tampered line that is right: the owner ends the connection and makes a new one.
        if (this.#faults.tampered === 0 || event.code === "PEER_SUPERSEDED")
          this.#violations.push(`${side.name} refused its peer: ${event.code}`);
        if (this.#connected) this.#cut();
        return;
      default:
        event satisfies never;
    }
  }

  #nextMs(): number {
    const dues = [this.#nextTurnMs, ...this.#packets.map((packet) => packet.atMs)];
    if (this.#connected) dues.push(this.#left.link.dueAtMs(), this.#right.link.dueAtMs());
    return Math.max(this.#nowMs + 1, Math.min(...dues));
  }
}
