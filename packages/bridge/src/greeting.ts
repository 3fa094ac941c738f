// How two ends come to a session: the initiator asks, the responder answers, and each confirms under the new keys.
import { type AttemptLimits, Attempts } from "./attempts.ts";
import { aboutOf, encodeHello, type Header, type Hello } from "./link-frame.ts";
import type { Answer, Handshakes, Question } from "./session.ts";
import { SessionKeys } from "./session-keys.ts";

export interface GreetingOptions extends AttemptLimits {
  readonly localName: string;
  readonly peerName: string;
  /** 64 random bits, not 0, for each life of a bridge: tells a restarted peer from one that only lost its connection. */
  readonly bootId: bigint;
  readonly handshakes: Handshakes;
  /** What is not answered is said again after this. */
  readonly initialRetransmitMs: number;
  /** A handshake that is not confirmed within this is given up. */
  readonly silenceMs: number;
}

/** Where the receiving half stands, and with which life of the peer: to another life it says nothing. */
export interface Position extends Pick<Header, "acknowledged" | "selective"> {
  /** 0 when the link has met none. */
  readonly peerBoot: bigint;
}

export type Greeted =
  | { readonly kind: "taken" }
  /** It belongs to no handshake that is under way. */
  | { readonly kind: "stale" }
  /** It is dropped unread: too many handshakes came to nothing. */
  | { readonly kind: "throttled" }
  | { readonly kind: "unauthenticated"; readonly detail: string };

interface Asked {
  readonly question: Question;
  readonly sinceMs: number;
  dueAtMs: number;
  /** Once the answer has proved the peer; from then on confirmations go out instead of the question. */
  keys: SessionKeys | undefined;
}

interface Answered {
  readonly question: Uint8Array;
  readonly answer: Answer;
  readonly sinceMs: number;
  readonly keys: SessionKeys;
  owed: boolean;
}

/**
 * A state machine like the link that owns it. It holds at most one handshake; a session that is confirmed leaves it by
 * `take`. On lines that lose frames the question, the answer, the confirmation and the invitation are said again, each
 * in the same bytes or under a number of its own.
 */
export class Greeting {
  readonly #options: GreetingOptions;
  readonly #attempts: Attempts;
  #wanted = false;
  #asked: Asked | undefined;
  #answered: Answered | undefined;
  #inviteAtMs = Number.POSITIVE_INFINITY;
  /** The question behind the present session: it may come once more on a line that doubles frames. */
  #settledQuestion: Uint8Array | undefined;
  #isDoubtful = false;

  constructor(options: GreetingOptions) {
    this.#options = options;
    this.#attempts = new Attempts(options);
  }

  get isWanted(): boolean {
    return this.#wanted;
  }

  /** Since the connection began somebody took up a handshake, and nobody has proved to be the peer. */
  get isDoubtful(): boolean {
    return this.#isDoubtful;
  }

  /** New keys are needed: the initiator asks, the responder invites it to. */
  want(nowMs: number): void {
    this.#wanted = true;
    if (this.#options.handshakes.role === "responder" && this.#inviteAtMs > nowMs) this.#inviteAtMs = nowMs;
  }

  /** The connection began or ended: nothing that was under way counts any more. */
  reset(): void {
    this.#forget();
    this.#wanted = false;
    this.#isDoubtful = false;
    this.#settledQuestion = undefined;
    this.#inviteAtMs = Number.POSITIVE_INFINITY;
  }

  /** `position` is what has arrived, for the peer to hear of before it sends again. */
  nextFrame(nowMs: number, position: Position): Uint8Array | undefined {
    this.#expire(nowMs);
    return this.#options.handshakes.role === "initiator"
      ? this.#nextOfInitiator(nowMs, position)
      : this.#nextOfResponder(nowMs);
  }

  dueAtMs(): number {
    const { silenceMs } = this.#options;
    if (this.#asked !== undefined) return Math.min(this.#asked.dueAtMs, this.#asked.sinceMs + silenceMs);
    if (this.#answered !== undefined) return this.#answered.owed ? 0 : this.#answered.sinceMs + silenceMs;
    if (!this.#wanted) return Number.POSITIVE_INFINITY;
    return this.#options.handshakes.role === "initiator" ? this.#attempts.readyAtMs : this.#inviteAtMs;
  }

  receive(hello: Hello, nowMs: number): Greeted {
    const isInitiator = this.#options.handshakes.role === "initiator";
    switch (hello.step) {
      case "invitation":
        return isInitiator ? this.#receiveInvitation(nowMs) : STALE;
      case "question":
        return isInitiator ? STALE : this.#receiveQuestion(hello.message, nowMs);
      case "answer":
        return isInitiator ? this.#receiveAnswer(hello.about, hello.message, nowMs) : STALE;
      default:
        return hello satisfies never;
    }
  }

  /** The keys that wait for the peer's confirmation, if they have this id. */
  candidate(id: bigint): SessionKeys | undefined {
    const keys = this.#asked?.keys ?? this.#answered?.keys;
    return keys?.id === id ? keys : undefined;
  }

  /** The peer has confirmed the candidate, which is the link's from now on. */
  take(): void {
    this.#settledQuestion = this.#answered?.question;
    this.#asked = undefined;
    this.#answered = undefined;
    this.#wanted = false;
    this.#isDoubtful = false;
    this.#inviteAtMs = Number.POSITIVE_INFINITY;
    this.#attempts.confirmed();
  }

  #nextOfInitiator(nowMs: number, position: Position): Uint8Array | undefined {
    const { handshakes, initialRetransmitMs, localName, peerName, bootId } = this.#options;
    if (this.#asked === undefined && this.#wanted && this.#attempts.take(nowMs))
      this.#asked = { question: handshakes.ask(), sinceMs: nowMs, dueAtMs: nowMs, keys: undefined };
    const asked = this.#asked;
    if (asked === undefined || asked.dueAtMs > nowMs) return undefined;
    asked.dueAtMs = nowMs + initialRetransmitMs;
    if (asked.keys !== undefined) return confirmation(asked.keys, bootId, position);
    return encodeHello({ step: "question", localName, peerName, message: asked.question.message });
  }

  #nextOfResponder(nowMs: number): Uint8Array | undefined {
    const { initialRetransmitMs, localName, peerName } = this.#options;
    if (this.#answered !== undefined) {
      if (!this.#answered.owed) return undefined;
      this.#answered.owed = false;
      const { question, answer } = this.#answered;
      return encodeHello({ step: "answer", localName, peerName, about: aboutOf(question), message: answer.message });
    }
    if (!this.#wanted || this.#inviteAtMs > nowMs) return undefined;
    this.#inviteAtMs = nowMs + initialRetransmitMs;
    return encodeHello({ step: "invitation", localName, peerName });
  }

  #receiveInvitation(nowMs: number): Greeted {
    this.#wanted = true;
    // The responder has forgotten the handshake that we would confirm, unless this came from before it.
    if (this.#asked?.keys !== undefined && this.#asked.sinceMs + this.#options.initialRetransmitMs <= nowMs)
      this.#forget();
    return TAKEN;
  }

  #receiveQuestion(question: Uint8Array, nowMs: number): Greeted {
    if (this.#answered !== undefined && isSame(this.#answered.question, question)) {
      this.#answered.owed = true;
      return TAKEN;
    }
    if (this.#settledQuestion !== undefined && isSame(this.#settledQuestion, question)) return STALE;
    if (!this.#attempts.take(nowMs)) return { kind: "throttled" };
    this.#isDoubtful = true;
    const answer = this.#options.handshakes.answer(question);
    if (answer === undefined) return { kind: "unauthenticated", detail: `its first message ${NOT_OURS}` };
    this.#answered?.keys.drop();
    const keys = new SessionKeys(answer.session, nowMs);
    this.#answered = { question: new Uint8Array(question), answer, sinceMs: nowMs, keys, owed: true };
    return TAKEN;
  }

  #receiveAnswer(about: bigint, message: Uint8Array, nowMs: number): Greeted {
    const asked = this.#asked;
    this.#isDoubtful = true;
    if (asked === undefined || asked.keys !== undefined || about !== aboutOf(asked.question.message)) return STALE;
    const session = asked.question.finish(message);
    if (session === undefined) {
      this.#asked = undefined;
      return { kind: "unauthenticated", detail: `its answer ${NOT_OURS}` };
    }
    asked.keys = new SessionKeys(session, nowMs);
    asked.dueAtMs = nowMs;
    return TAKEN;
  }

  #expire(nowMs: number): void {
    const sinceMs = this.#asked?.sinceMs ?? this.#answered?.sinceMs;
    if (sinceMs !== undefined && sinceMs + this.#options.silenceMs <= nowMs) this.#forget();
  }

  #forget(): void {
    this.#asked?.keys?.drop();
    this.#answered?.keys.drop();
    this.#asked = undefined;
    this.#answered = undefined;
  }
}

/** Shows the peer that we hold the new keys, and tells it which life of ours it speaks with. */
export function confirmation(keys: SessionKeys, bootId: bigint, position: Position): Uint8Array {
  const body = Buffer.alloc(2 * BOOT_ID_BYTES);
  body.writeBigUInt64BE(bootId);
  body.writeBigUInt64BE(position.peerBoot, BOOT_ID_BYTES);
  return keys.sealControl("confirm", position, body);
}

/** Both lives in a confirmation's body, the sender's own and the one that it was with; undefined when it is none. */
export function livesIn(body: Uint8Array): { readonly own: bigint; readonly peer: bigint } | undefined {
  if (body.length !== 2 * BOOT_ID_BYTES) return undefined;
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  const own = bytes.readBigUInt64BE();
  return own === 0n ? undefined : { own, peer: bytes.readBigUInt64BE(BOOT_ID_BYTES) };
}

const BOOT_ID_BYTES = 8;
const NOT_OURS = "does not verify: another static key, network, schema or link id, or bytes altered on the way";
const TAKEN: Greeted = { kind: "taken" };
const STALE: Greeted = { kind: "stale" };

function isSame(left: Uint8Array, right: Uint8Array): boolean {
  return Buffer.from(left.buffer, left.byteOffset, left.byteLength).equals(right);
}
