// What an enemy on the line tries against the handshake of two real links: each attack says how it got in, or nothing.
import type { Link, LinkOptions } from "../src/link.ts";
import { encodeHello, LINK_HEADER_BYTES, parseLinkFrame } from "../src/link-frame.ts";
import { keyPairFrom } from "../src/noise/x25519.ts";
import type { NoiseOptions } from "../src/noise-session.ts";
import type { Handshakes } from "../src/session.ts";
import { randomFrom } from "./generator.ts";
import { keyOf, noiseOptions } from "./sessions.ts";

/** The parts under test, so that a bug can be planted into them. */
export interface Parts {
  readonly Link: new (options: LinkOptions) => Link;
  readonly noiseHandshakes: (options: NoiseOptions) => Handshakes;
}

export interface AttackReport {
  /** How often each attack was carried out. */
  readonly fired: Readonly<Record<string, number>>;
  /** What should not have happened. */
  readonly breaches: readonly string[];
}

type Side = "left" | "right";
const TIMES = { heartbeatMs: 1_000, silenceMs: 3_000, initialRetransmitMs: 400, minRetransmitMs: 50 };
const LIMITS = { maxRetransmitMs: 2_000, rekeyFrames: 1_000, rekeyMs: 600_000, windowFrames: 8 };
const ATTEMPTS = { freeAttempts: 1_000, attemptMinMs: 1, attemptMaxMs: 1 };

export function attackSessions(parts: Parts): AttackReport {
  const world = new AttackWorld(parts);
  world.control();
  world.strangers();
  world.replays();
  world.tampering();
  world.forgedAcknowledgements();
  return world.report();
}

class AttackWorld {
  readonly #parts: Parts;
  readonly #random = randomFrom(20_261_121);
  readonly #fired: Record<string, number> = {};
  readonly #breaches: string[] = [];
  #boots = 10n;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  report(): AttackReport {
    return { fired: this.#fired, breaches: this.#breaches };
  }

  /** Without an enemy both ends connect and a body crosses: otherwise every refusal below would be worth nothing. */
  control(): void {
    const [left, right] = [this.#end("left"), this.#end("right")];
    const { events } = talk(left, right, 0);
    const delivered = events.filter(({ event }) => event === "delivered").length;
    if (!left.isUp || !right.isUp || delivered !== 2) this.#breaches.push("the untampered control does not connect");
  }

  /** Somebody who differs from the pinned peer in one thing; at both ends. */
  strangers(): void {
    const key = keyPairFrom(Buffer.alloc(32, 99));
    const wrong: Readonly<Record<string, Partial<NoiseOptions>>> = {
      "another static key": { key },
      "a peer that it did not pin": { peerPublicKey: key.publicKey },
      "another network": { network: "mainnet" },
      "another schema": { schema: "other" },
      "another link id": { linkId: "2" },
    };
    for (const [what, options] of Object.entries(wrong)) {
      for (const side of ["left", "right"] as const) {
        const stranger = this.#end(side, options);
        const honest = this.#end(side === "left" ? "right" : "left");
        const { events } = talk(stranger, honest, 0);
        this.#fire("stranger", honest.isUp ? `${what} as ${side} was connected` : undefined);
        if (!events.some(({ event }) => event === "PEER_UNAUTHENTICATED"))
          this.#breaches.push(`${what} as ${side} was not reported`);
      }
    }
  }

  /** Whole recorded sessions, played to each end in a new life of it, with the session numbers put right. */
  replays(): void {
    for (let round = 0; round < 20; round++) {
      const recorded = this.#record();
      for (const side of ["left", "right"] as const) {
        const victim = this.#end(side);
        victim.connected(0);
        let connected = false;
        const frames = recorded.filter(({ to }) => to === side).map(({ frame }) => frame);
        for (const frame of frames) {
          const own = framesOf(victim, 0);
          for (const played of [frame, withSessionOf(frame, own)])
            if (victim.receive(played, 0).some(({ kind }) => kind === "established")) connected = true;
        }
        this.#fire(
          "replayed session",
          connected || victim.isUp ? `a replayed session was connected as ${side}` : undefined,
        );
      }
    }
  }

  /** Every byte of every frame of a session altered in turn; the rest of the session goes on as it is. */
  tampering(): void {
    const length = this.#record().length;
    for (let at = 0; at < length; at++) {
      for (let round = 0; round < 12; round++) {
        const [left, right] = [this.#end("left"), this.#end("right")];
        let count = 0;
        const { events } = talk(left, right, 0, (frame) => {
          if (count++ !== at) return frame;
          const altered = Uint8Array.from(frame);
          const byte = round < 4 ? 2 + this.#random.below(8) : this.#random.below(frame.length);
          altered[byte] = (altered[byte] as number) ^ (1 + this.#random.below(255));
          return altered;
        });
        const wrong = events.some(({ event, content }) => event === "delivered" && content !== 7);
        this.#fire("altered frame", wrong ? `frame ${at} was believed although altered` : undefined);
      }
    }
  }

  /** Frames of a live session whose acknowledgements are altered: believed, a sender would forget what never arrived. */
  forgedAcknowledgements(): void {
    for (let round = 0; round < 50; round++) {
      const [left, right] = [this.#end("left"), this.#end("right")];
      talk(left, right, 0);
      left.send(Uint8Array.of(1));
      framesOf(left, 1);
      right.send(Uint8Array.of(2));
      const before = left.heldBytes;
      for (const frame of framesOf(right, 1)) {
        const forged = Uint8Array.from(frame);
        forged[25] = (forged[25] as number) + 1;
        left.receive(forged, 1);
      }
      this.#fire(
        "forged acknowledgement",
        left.heldBytes < before ? "a forged acknowledgement was believed" : undefined,
      );
    }
  }

  #end(side: Side, changes: Partial<NoiseOptions> = {}): Link {
    const names = { localName: side, peerName: side === "left" ? "right" : "left" };
    const noise = { ...noiseOptions({ ...names, random: this.#random }), key: keyOf(side), ...changes };
    const handshakes = this.#parts.noiseHandshakes(noise);
    const options = { ...TIMES, ...LIMITS, ...ATTEMPTS, ...names, handshakes, bootId: this.#boots++ };
    return new this.#parts.Link(options);
  }

  #record(): readonly Crossing[] {
    return talk(this.#end("left"), this.#end("right"), 0).crossings;
  }

  #fire(attack: string, breach: string | undefined): void {
    this.#fired[attack] = (this.#fired[attack] ?? 0) + 1;
    if (breach !== undefined) this.#breaches.push(breach);
  }
}

interface Crossing {
  readonly to: Side;
  readonly frame: Uint8Array;
}

/** Connects two ends and, once they are up, sends the byte 7 each way. */
function talk(
  left: Link,
  right: Link,
  nowMs: number,
  line: (frame: Uint8Array) => Uint8Array = (frame) => frame,
): {
  readonly crossings: readonly Crossing[];
  readonly events: readonly { readonly event: string; readonly content?: number }[];
} {
  const crossings: Crossing[] = [];
  const events: { readonly event: string; readonly content?: number }[] = [];
  const waiting = new Set([left, right]);
  for (const end of waiting) end.connected(nowMs);
  for (let quiet = false, turns = 0; !quiet && turns < 50; turns++) {
    quiet = true;
    for (const [from, to, name] of [[left, right, "right"] as const, [right, left, "left"] as const]) {
      if (from.canSend() && waiting.delete(from)) from.send(Uint8Array.of(7));
      for (const frame of framesOf(from, nowMs)) {
        quiet = false;
        const passed = line(frame);
        crossings.push({ to: name, frame: passed });
        for (const event of to.receive(passed, nowMs)) {
          if (event.kind === "delivered") events.push({ event: "delivered", content: event.body[0] ?? -1 });
          else events.push({ event: event.kind === "refused" ? event.code : event.kind });
        }
      }
    }
  }
  return { crossings, events };
}

function framesOf(link: Link, nowMs: number): readonly Uint8Array[] {
  const frames: Uint8Array[] = [];
  for (let frame = link.nextFrame(nowMs); frame !== undefined; frame = link.nextFrame(nowMs)) frames.push(frame);
  return frames;
}

/** The recorded frame as if it were of the handshake that the victim is in: an enemy can write whatever is in clear. */
function withSessionOf(frame: Uint8Array, own: readonly Uint8Array[]): Uint8Array {
  const parsed = parseLinkFrame(frame);
  if (parsed.kind === "hello" && parsed.hello.step === "answer") {
    const asked = own
      .map((one) => parseLinkFrame(one))
      .find((one) => one.kind === "hello" && one.hello.step === "question");
    if (asked?.kind !== "hello" || asked.hello.step !== "question") return frame;
    const about = Buffer.from(asked.hello.message.subarray(0, 8)).readBigUInt64BE();
    return encodeHello({ ...parsed.hello, about });
  }
  const headed = own.map((one) => parseLinkFrame(one)).find((one) => one.kind === "confirm");
  if (frame.length < LINK_HEADER_BYTES || headed?.kind !== "confirm") return frame;
  const altered = Buffer.from(frame);
  altered.writeBigUInt64BE(headed.header.session, 2);
  return altered;
}
