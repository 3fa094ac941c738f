// The link: turns a connection that may lose, repeat, reorder and be cut into frames that arrive once and in order.
import { encodeHeaded, encodeHello, type Header, type Hello, parseLinkFrame } from "./link-frame.ts";
import { ReceiveWindow } from "./receive-window.ts";
import { SendWindow } from "./send-window.ts";
import type { Session } from "./session.ts";

export interface LinkOptions {
  readonly localName: string;
  readonly peerName: string;
  /** 64 random bits, not 0, new for each life of the bridge. */
  readonly bootId: bigint;
  readonly session: Session;
  readonly windowFrames: number;
  readonly heartbeatMs: number;
  readonly silenceMs: number;
  readonly initialRetransmitMs: number;
  readonly minRetransmitMs: number;
  readonly maxRetransmitMs: number;
}

export type LinkEvent =
  /** Frames flow. `fresh` says that both ends count from 0: the first meeting, or the peer (or we) began a new life. */
  | { readonly kind: "established"; readonly fresh: boolean; readonly peerRestarted: boolean }
  /** The next body in order, to be used before the next call to the link: it may lie in the arriving bytes. */
  | { readonly kind: "delivered"; readonly body: Uint8Array }
  | {
      readonly kind: "refused";
      readonly code: RefusalCode;
      readonly detail: string;
    };

export type RefusalCode = "PEER_NAME_WRONG" | "PEER_VERSION_UNSUPPORTED" | "PEER_SUPERSEDED";

export interface LinkCounts {
  readonly retransmissions: number;
  /** Frames that had arrived before: repeats and replays. */
  readonly duplicates: number;
  /** Frames beyond the window, of another epoch, or of a life of the peer that is over. */
  readonly stale: number;
  /** Frames with a good checksum that make no sense. */
  readonly malformed: number;
  /** Frames that the session did not open. */
  readonly unopened: number;
  readonly peerRestarts: number;
}

const RETIRED_BOOTS_AT_MOST = 256;
const EMPTY = new Uint8Array(0);

/**
 * A state machine without clock, timer or socket: time comes in as milliseconds of any monotonic clock. The owner says
 * when a connection is there or gone, feeds arriving frames to `receive`, sends whatever `nextFrame` gives while the
 * carrier takes it, and calls again at `dueAtMs`.
 *
 * An epoch lasts as long as both lives do: its number is the two boot ids combined, so frames of an earlier life are
 * known by their header. Reconnecting keeps the epoch, its sequence numbers and everything unacknowledged.
 */
export class Link {
  readonly #options: LinkOptions;
  readonly #sending: SendWindow;
  readonly #receiving: ReceiveWindow;
  readonly #retiredBoots = new Set<bigint>();
  readonly #counts = { duplicates: 0, stale: 0, malformed: 0, unopened: 0, peerRestarts: 0 };
  #phase: "down" | "greeting" | "up" = "down";
  /** The peer's life that the present epoch is with. */
  #peerBoot: bigint | undefined;
  /** Who spoke last on this connection; it becomes `#peerBoot` once it has proved to hear us now. */
  #heard: Hello | undefined;
  #challenge = 0;
  #helloDueAtMs = Number.POSITIVE_INFINITY;
  #acknowledgementOwed = false;
  #lastSentAtMs = 0;
  #lastHeardAtMs = 0;

  constructor(options: LinkOptions) {
    this.#options = options;
    this.#sending = new SendWindow({ ...options, frames: options.windowFrames });
    this.#receiving = new ReceiveWindow(options.windowFrames);
  }

  get isUp(): boolean {
    return this.#phase === "up";
  }

  /** Bytes of frames that wait here, for the peer's acknowledgement or for an earlier one. */
  get heldBytes(): number {
    return this.#sending.heldBytes + this.#receiving.heldBytes;
  }

  /** A carrier connection is there. */
  connected(nowMs: number): void {
    this.#phase = "greeting";
    this.#heard = undefined;
    this.#challenge++;
    this.#helloDueAtMs = nowMs;
    this.#lastHeardAtMs = nowMs;
  }

  /** The carrier connection is gone. Nothing under way is forgotten. */
  disconnected(): void {
    this.#phase = "down";
    this.#helloDueAtMs = Number.POSITIVE_INFINITY;
  }

  canSend(): boolean {
    return this.#phase === "up" && this.#sending.hasRoom();
  }

  /** Takes a body for delivery. Throws unless `canSend()`. The body must not change afterwards. */
  send(body: Uint8Array): void {
    if (!this.canSend()) throw new Error("the link cannot take a frame now");
    this.#sending.add(this.#options.session.seal({ sequence: this.#sending.nextSequence, body }));
  }

  /** The next frame to put on the wire now, or undefined when there is none. */
  nextFrame(nowMs: number): Uint8Array | undefined {
    if (this.#phase === "down") return undefined;
    if (this.#helloDueAtMs <= nowMs) return this.#hello(nowMs);
    if (this.#phase !== "up") return undefined;
    const flight = this.#sending.take(nowMs);
    if (flight !== undefined) return this.#headed("data", flight.sequence, flight.body, nowMs);
    const heartbeatDue = this.#lastSentAtMs + this.#options.heartbeatMs <= nowMs;
    if (this.#acknowledgementOwed || heartbeatDue) return this.#headed("ack", 0, EMPTY, nowMs);
    return undefined;
  }

  /** When to call `nextFrame` and `isSilent` again at the latest; Infinity while down. */
  dueAtMs(): number {
    if (this.#phase === "down") return Number.POSITIVE_INFINITY;
    const silentAtMs = this.#lastHeardAtMs + this.#options.silenceMs;
    if (this.#phase === "greeting") return Math.min(this.#helloDueAtMs, silentAtMs);
    const heartbeatAtMs = this.#acknowledgementOwed ? 0 : this.#lastSentAtMs + this.#options.heartbeatMs;
    return Math.min(this.#helloDueAtMs, silentAtMs, heartbeatAtMs, this.#sending.dueAtMs());
  }

  /** True when nothing believable has come for so long that the connection had better be made anew. */
  isSilent(nowMs: number): boolean {
    return this.#phase !== "down" && this.#lastHeardAtMs + this.#options.silenceMs <= nowMs;
  }

  /** Takes one frame that has passed its checksum. Never throws on any bytes. */
  receive(bytes: Uint8Array, nowMs: number): readonly LinkEvent[] {
    if (this.#phase === "down") return [];
    const frame = parseLinkFrame(bytes);
    switch (frame.kind) {
      case "hello":
        return this.#receiveHello(frame.hello, nowMs);
      case "data":
        return this.#receiveHeaded(frame.header, frame.body, nowMs);
      case "ack":
        return this.#receiveHeaded(frame.header, undefined, nowMs);
      case "other-version":
        if (frame.isHello) return [refused("PEER_VERSION_UNSUPPORTED", `the peer speaks version ${frame.version}`)];
        this.#counts.malformed++;
        return [];
      case "malformed":
        this.#counts.malformed++;
        return [];
      default:
        return frame satisfies never;
    }
  }

  counts(): LinkCounts {
    return { ...this.#counts, retransmissions: this.#sending.retransmissions };
  }

  #receiveHello(hello: Hello, nowMs: number): readonly LinkEvent[] {
    const { localName, peerName, bootId } = this.#options;
    if (hello.localName !== peerName || hello.peerName !== localName) {
      const detail = `${hello.localName} looks for ${hello.peerName}, expected ${peerName} looking for ${localName}`;
      return [refused("PEER_NAME_WRONG", detail)];
    }
    const hearsUs = hello.heardBootId === bootId && hello.heardChallenge === this.#challenge;
    if (this.#retiredBoots.has(hello.bootId)) {
      // An old life that answers now runs beside the newer one; one that does not is only an old frame.
      if (hearsUs) return [refused("PEER_SUPERSEDED", "an older process of the peer is still running")];
      this.#counts.stale++;
      return [];
    }
    this.#lastHeardAtMs = nowMs;
    const heard = this.#heard;
    if (heard?.bootId !== hello.bootId || heard.challenge < hello.challenge) this.#heard = hello;
    if (hello.wantsAnswer || !hearsUs) this.#helloDueAtMs = nowMs;
    return hearsUs ? this.#established(hello) : [];
  }

  #established(hello: Hello): readonly LinkEvent[] {
    const fresh = this.#peerBoot !== hello.bootId;
    if (!fresh && this.#phase === "up") return [];
    const peerRestarted = fresh && this.#peerBoot !== undefined;
    if (fresh) this.#beginEpoch(hello.bootId);
    if (this.#phase !== "up") this.#sending.hurry();
    this.#phase = "up";
    // Whoever is up has learned everything; a hello goes out once more only when the peer asked for it.
    if (!hello.wantsAnswer) this.#helloDueAtMs = Number.POSITIVE_INFINITY;
    return [{ kind: "established", fresh, peerRestarted }];
  }

  #beginEpoch(peerBoot: bigint): void {
    if (this.#peerBoot !== undefined) {
      this.#counts.peerRestarts++;
      this.#retiredBoots.add(this.#peerBoot);
      const oldest = this.#retiredBoots.values().next();
      if (this.#retiredBoots.size > RETIRED_BOOTS_AT_MOST && oldest.done !== true)
        this.#retiredBoots.delete(oldest.value);
    }
    this.#peerBoot = peerBoot;
    // Answers to the greeting that ended here are worth nothing from now on.
    this.#challenge++;
    this.#sending.reset();
    this.#receiving.reset();
    this.#acknowledgementOwed = false;
  }

  #receiveHeaded(header: Header, body: Uint8Array | undefined, nowMs: number): readonly LinkEvent[] {
    if (this.#phase !== "up" || header.epoch !== this.#epoch()) {
      this.#counts.stale++;
      return [];
    }
    if (!this.#sending.acknowledge(header.acknowledged, header.selective, nowMs)) {
      this.#counts.malformed++;
      return [];
    }
    this.#lastHeardAtMs = nowMs;
    return body === undefined ? [] : this.#receiveData(header.sequence, body);
  }

  #receiveData(sequence: number, sealed: Uint8Array): readonly LinkEvent[] {
    const look = this.#receiving.look(sequence);
    if (look === "outside") {
      this.#counts.stale++;
      return [];
    }
    // A repeat is acknowledged again: the peer repeats because it has not heard the first acknowledgement.
    this.#acknowledgementOwed = true;
    if (look === "duplicate") {
      this.#counts.duplicates++;
      return [];
    }
    const body = this.#options.session.open({ sequence, body: sealed });
    if (body === undefined) {
      this.#counts.unopened++;
      return [];
    }
    const arrival = this.#receiving.accept(sequence, body);
    if (arrival.kind !== "next") return [];
    return arrival.bodies.map((delivered) => ({ kind: "delivered", body: delivered }));
  }

  #hello(nowMs: number): Uint8Array {
    const { bootId, localName, peerName, initialRetransmitMs } = this.#options;
    // To a stranger on a connection that is up, a peer that began a new life perhaps, the greeting is open again.
    const isStranger = this.#heard !== undefined && this.#heard.bootId !== this.#peerBoot;
    const wantsAnswer = this.#phase !== "up" || isStranger;
    // While unanswered it is repeated: on a line that loses frames nobody else would notice.
    this.#helloDueAtMs = wantsAnswer ? nowMs + initialRetransmitMs : Number.POSITIVE_INFINITY;
    this.#lastSentAtMs = nowMs;
    const heard = { heardBootId: this.#heard?.bootId ?? 0n, heardChallenge: this.#heard?.challenge ?? 0 };
    return encodeHello({ bootId, challenge: this.#challenge, ...heard, wantsAnswer, localName, peerName });
  }

  #headed(kind: "data" | "ack", sequence: number, body: Uint8Array, nowMs: number): Uint8Array {
    this.#acknowledgementOwed = false;
    this.#lastSentAtMs = nowMs;
    const { expected, selective } = this.#receiving;
    return encodeHeaded(kind, { epoch: this.#epoch(), sequence, acknowledged: expected, selective }, body);
  }

  /** Both ends come to the same number, whichever of them combines. */
  #epoch(): bigint {
    return this.#options.bootId ^ (this.#peerBoot ?? 0n);
  }
}

function refused(code: RefusalCode, detail: string): LinkEvent {
  return { kind: "refused", code, detail };
}
