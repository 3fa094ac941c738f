// The link: turns a connection that may lose, repeat, reorder and be cut into frames that arrive once and in order.
import { confirmation, Greeting, type GreetingOptions, livesIn, type Position } from "./greeting.ts";
import { type LinkCounts, type LinkEvent, NOTHING_COUNTED, type RefusalCode } from "./link-event.ts";
import { type HeadedKind, type Header, type Hello, type LinkFrame, parseLinkFrame } from "./link-frame.ts";
import { Lives } from "./lives.ts";
import { ReceiveWindow } from "./receive-window.ts";
import { SendWindow, type SendWindowOptions } from "./send-window.ts";
import type { SessionKeys, Wear } from "./session-keys.ts";

export type { LinkCounts, LinkEvent, RefusalCode } from "./link-event.ts";

export interface LinkOptions extends GreetingOptions, Wear, Omit<SendWindowOptions, "frames"> {
  readonly windowFrames: number;
  readonly heartbeatMs: number;
}

const EMPTY = new Uint8Array(0);

/**
 * A state machine without clock, timer, randomness or socket: time comes in as milliseconds of any monotonic clock. The
 * owner says when a connection is there or gone, feeds arriving frames to `receive`, sends whatever `nextFrame` gives
 * while the carrier takes it, and calls again at `dueAtMs`.
 *
 * The epoch lasts as long as both lives do and counts the sequence numbers. A session lasts at most as long as one
 * connection; what is unacknowledged when it ends is sealed again under the next one with the same sequence numbers.
 */
export class Link {
  readonly #options: LinkOptions;
  readonly #sending: SendWindow;
  readonly #receiving: ReceiveWindow;
  readonly #greeting: Greeting;
  readonly #lives = new Lives();
  readonly #counts = { ...NOTHING_COUNTED };
  #phase: "down" | "greeting" | "up" = "down";
  /** The session that both ends have confirmed; there while up. */
  #keys: SessionKeys | undefined;
  #confirmationOwed = false;
  #acknowledgementOwed = false;
  #lastSentAtMs = 0;
  #lastHeardAtMs = 0;

  constructor(options: LinkOptions) {
    this.#options = options;
    this.#sending = new SendWindow({ ...options, frames: options.windowFrames });
    this.#receiving = new ReceiveWindow(options.windowFrames);
    this.#greeting = new Greeting(options);
  }

  get isUp(): boolean {
    return this.#phase === "up";
  }

  /** Somebody took up a handshake and has not proved to be the peer. */
  get isPeerDoubtful(): boolean {
    return this.#greeting.isDoubtful;
  }

  /** Bytes of frames that wait here, for the peer's acknowledgement or for an earlier one. */
  get heldBytes(): number {
    return this.#sending.heldBytes + this.#receiving.heldBytes;
  }

  /** A carrier connection is there. */
  connected(nowMs: number): void {
    this.disconnected();
    this.#lastHeardAtMs = nowMs;
    this.#phase = "greeting";
    this.#greeting.want(nowMs);
  }

  /** The carrier connection is gone. Nothing under way is forgotten, but the keys are. */
  disconnected(): void {
    this.#dropKeys();
    this.#greeting.reset();
    this.#phase = "down";
  }

  canSend(): boolean {
    return this.#phase === "up" && this.#sending.hasRoom();
  }

  /** A data frame waits to go out now, for the first time or again. */
  hasDue(nowMs: number): boolean {
    return this.#phase === "up" && this.#sending.dueAtMs() <= nowMs;
  }

  /** Takes a body for delivery. Throws unless `canSend()`. The body must not change afterwards. */
  send(body: Uint8Array): void {
    if (!this.canSend()) throw new Error("the link cannot take a frame now");
    this.#sending.add(body);
  }

  /** The next frame to put on the wire now, or undefined when there is none. */
  nextFrame(nowMs: number): Uint8Array | undefined {
    if (this.#phase === "down") return undefined;
    this.#renewKeys(nowMs);
    const { expected: acknowledged, selective } = this.#receiving;
    const position = { acknowledged, selective, peerBoot: this.#lives.present ?? 0n };
    const greeting = this.#greeting.nextFrame(nowMs, position);
    // A greeting tells the peer nothing for certain, so it puts no heartbeat off.
    if (greeting !== undefined || this.#keys === undefined) return greeting;
    const frame = this.#next(this.#keys, position, nowMs);
    if (frame !== undefined) this.#lastSentAtMs = nowMs;
    return frame;
  }

  /** When to call `nextFrame` and `isSilent` again at the latest; Infinity while down. */
  dueAtMs(): number {
    if (this.#phase === "down") return Number.POSITIVE_INFINITY;
    const greetingAtMs = Math.min(this.#lastHeardAtMs + this.#options.silenceMs, this.#greeting.dueAtMs());
    if (this.#keys === undefined) return greetingAtMs;
    if (this.#acknowledgementOwed || this.#confirmationOwed) return 0;
    const { handshakes, heartbeatMs, rekeyMs } = this.#options;
    const renews = handshakes.role === "initiator" && !this.#greeting.isWanted;
    const rekeyAtMs = this.#keys.sinceMs + (renews ? rekeyMs : 2 * rekeyMs);
    return Math.min(greetingAtMs, rekeyAtMs, this.#lastSentAtMs + heartbeatMs, this.#sending.dueAtMs());
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
      case "ack":
      case "confirm":
        return this.#receiveHeaded(frame, nowMs);
      case "other-version":
        // Anybody can write this into a line, so it ends nothing that is proved.
        if (frame.isHello && this.#phase !== "up")
          return [refused("PEER_VERSION_UNSUPPORTED", `the peer speaks version ${frame.version}`)];
        return this.#drop("malformed");
      case "malformed":
        return this.#drop("malformed");
      default:
        return frame satisfies never;
    }
  }

  counts(): LinkCounts {
    return { ...this.#counts, retransmissions: this.#sending.retransmissions };
  }

  /** While up, new keys are asked for in good time; keys past their end are dropped, whatever the peer does. */
  #renewKeys(nowMs: number): void {
    if (this.#keys === undefined) return;
    if (this.#keys.isOver(this.#options, nowMs)) {
      this.#dropKeys();
      this.#phase = "greeting";
      this.#greeting.want(nowMs);
    } else if (this.#options.handshakes.role === "initiator" && this.#keys.isWorn(this.#options, nowMs)) {
      this.#greeting.want(nowMs);
    }
  }

  #next(keys: SessionKeys, position: Position, nowMs: number): Uint8Array | undefined {
    if (this.#confirmationOwed) {
      this.#confirmationOwed = false;
      return confirmation(keys, this.#options.bootId, position);
    }
    const flight = this.#sending.take(nowMs);
    if (flight !== undefined) {
      if (flight.sealed === undefined) {
        flight.sealed = keys.sealData({ number: flight.sequence, ...position }, flight.body);
        this.#acknowledgementOwed = false;
      }
      // A repeat is the same bytes: sealed again, other acknowledgements would stand under the same nonce.
      return flight.sealed;
    }
    const heartbeatDue = this.#lastSentAtMs + this.#options.heartbeatMs <= nowMs;
    if (!this.#acknowledgementOwed && !heartbeatDue) return undefined;
    this.#acknowledgementOwed = false;
    return keys.sealControl("ack", position, EMPTY);
  }

  #receiveHello(hello: Hello, nowMs: number): readonly LinkEvent[] {
    const { localName, peerName } = this.#options;
    if (hello.localName !== peerName || hello.peerName !== localName) {
      const detail = `${hello.localName} looks for ${hello.peerName}, expected ${peerName} looking for ${localName}`;
      return this.#doubt("PEER_NAME_WRONG", detail);
    }
    // Anybody can write an invitation into a line, so keys that are young stay.
    const isEarly = this.#keys !== undefined && nowMs < this.#keys.sinceMs + this.#options.attemptMinMs;
    const greeted =
      hello.step === "invitation" && isEarly ? { kind: "stale" as const } : this.#greeting.receive(hello, nowMs);
    switch (greeted.kind) {
      case "taken":
        // An answer that verifies was made for our question: the peer is there now.
        if (hello.step === "answer") this.#lastHeardAtMs = nowMs;
        return [];
      case "stale":
      case "throttled":
        return this.#drop(greeted.kind);
      case "unauthenticated":
        return this.#doubt("PEER_UNAUTHENTICATED", greeted.detail);
      default:
        return greeted satisfies never;
    }
  }

  #receiveHeaded(frame: LinkFrame & { readonly kind: HeadedKind }, nowMs: number): readonly LinkEvent[] {
    const { kind, header, headerBytes, sealed } = frame;
    const isCurrent = this.#keys?.id === header.session;
    const keys = isCurrent ? this.#keys : this.#greeting.candidate(header.session);
    // Under keys that the peer has not confirmed nothing but its confirmation counts.
    if (keys === undefined || (!isCurrent && kind !== "confirm")) return this.#drop("stale");
    const opened = keys.open(kind, header.number, headerBytes, sealed);
    if (opened === undefined) {
      this.#counts.unopened++;
      return isCurrent ? [] : this.#doubt("PEER_UNAUTHENTICATED", "its confirmation does not verify");
    }
    if (!opened.isLatest) return this.#drop("duplicates");
    if (kind === "confirm" && isCurrent) {
      // The initiator repeats it because ours has not come.
      this.#lastHeardAtMs = nowMs;
      this.#confirmationOwed = this.#options.handshakes.role === "responder";
      return [];
    }
    if (kind === "confirm") return this.#receiveConfirmation(keys, header, opened.body, nowMs);
    return this.#receiveAuthentic(kind, header, opened.body, nowMs);
  }

  #receiveConfirmation(keys: SessionKeys, header: Header, body: Uint8Array, nowMs: number): readonly LinkEvent[] {
    const lives = livesIn(body);
    if (lives === undefined) return this.#drop("malformed");
    this.#greeting.take();
    const meeting = this.#lives.meet(lives.own);
    if (meeting === "superseded") {
      keys.drop();
      return [refused("PEER_SUPERSEDED", "an older process of the peer is still running")];
    }
    // What has arrived under earlier keys need not go again. A peer that has not met this life yet speaks of another's.
    const isOfThisLife = meeting === "same" && lives.peer === this.#options.bootId;
    if (isOfThisLife) this.#sending.acknowledge(header.acknowledged, header.selective, nowMs);
    return this.#establish(keys, meeting, nowMs);
  }

  #establish(keys: SessionKeys, meeting: "same" | "first" | "restarted", nowMs: number): readonly LinkEvent[] {
    const wasUp = this.#phase === "up";
    const fresh = meeting !== "same";
    this.#dropKeys();
    this.#keys = keys;
    this.#phase = "up";
    this.#counts.sessions++;
    if (wasUp && !fresh) this.#counts.rekeys++;
    this.#confirmationOwed = this.#options.handshakes.role === "responder";
    this.#lastHeardAtMs = nowMs;
    if (meeting === "restarted") this.#counts.peerRestarts++;
    if (fresh) {
      this.#sending.reset();
      this.#receiving.reset();
    }
    return wasUp && !fresh ? [] : [{ kind: "established", fresh, peerRestarted: meeting === "restarted" }];
  }

  #receiveAuthentic(kind: "data" | "ack", header: Header, body: Uint8Array, nowMs: number): readonly LinkEvent[] {
    if (!this.#sending.acknowledge(header.acknowledged, header.selective, nowMs)) return this.#drop("malformed");
    // Of data only what is new shows that the peer is there now: anybody can play a recorded frame again.
    const look = kind === "ack" ? "new" : this.#receiving.look(header.number);
    if (look === "new") this.#lastHeardAtMs = nowMs;
    if (kind === "ack") return [];
    if (look === "outside") return this.#drop("stale");
    // A repeat is acknowledged again: the peer repeats because it has not heard the first acknowledgement.
    this.#acknowledgementOwed = true;
    if (look === "duplicate") return this.#drop("duplicates");
    const arrival = this.#receiving.accept(header.number, body);
    if (arrival.kind !== "next") return [];
    return arrival.bodies.map((delivered) => ({ kind: "delivered", body: delivered }));
  }

  /** What does not verify ends a connection that is not proved yet, and is only counted on one that is. */
  #doubt(code: RefusalCode, detail: string): readonly LinkEvent[] {
    this.#counts.unauthenticated++;
    return this.#phase === "up" ? [] : [refused(code, detail)];
  }

  #drop(why: "malformed" | "stale" | "throttled" | "duplicates"): readonly LinkEvent[] {
    this.#counts[why]++;
    return [];
  }

  #dropKeys(): void {
    this.#keys?.drop();
    this.#keys = undefined;
    this.#confirmationOwed = false;
    this.#acknowledgementOwed = false;
    this.#sending.unseal();
  }
}

function refused(code: RefusalCode, detail: string): LinkEvent {
  return { kind: "refused", code, detail };
}
