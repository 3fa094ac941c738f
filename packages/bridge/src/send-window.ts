// The sending half of the link: which frames are on their way, when each is due again, and how long an answer takes.

export interface SendWindowOptions {
  /** How many frames may be unacknowledged at once; at most 33, the reach of the selective acknowledgement. */
  readonly frames: number;
  readonly initialRetransmitMs: number;
  readonly minRetransmitMs: number;
  readonly maxRetransmitMs: number;
}

export interface InFlight {
  readonly sequence: number;
  readonly body: Uint8Array;
  /** The frame as it went out first, for the link to keep: every repetition under the same keys is these bytes. */
  sealed: Uint8Array | undefined;
}

interface Flight extends InFlight {
  transmissions: number;
  sentAtMs: number;
  dueAtMs: number;
  /** Position of the latest transmission among all transmissions, to notice which frames were overtaken. */
  order: number;
  arrived: boolean;
}

/** A frame counts as lost when this many later transmissions have arrived before it (the packet threshold of RFC 9002, 6.1.1). */
const OVERTAKEN_BY = 3;

export class SendWindow {
  readonly #options: SendWindowOptions;
  #flights: Flight[] = [];
  #nextSequence = 0;
  #transmissions = 0;
  #smoothedMs: number | undefined;
  #variationMs = 0;
  retransmissions = 0;

  constructor(options: SendWindowOptions) {
    this.#options = options;
  }

  get nextSequence(): number {
    return this.#nextSequence;
  }

  get inFlight(): number {
    return this.#flights.length;
  }

  /** Bytes of frames that are kept until the peer has them. */
  get heldBytes(): number {
    return this.#flights.reduce((sum, { body, sealed }) => sum + body.length + (sealed?.length ?? 0), 0);
  }

  /** Counted from the oldest unacknowledged frame, since the receiver keeps no more than the window beyond it. */
  hasRoom(): boolean {
    const oldest = this.#flights[0]?.sequence ?? this.#nextSequence;
    return this.#nextSequence - oldest < this.#options.frames;
  }

  add(body: Uint8Array): void {
    if (!this.hasRoom()) throw new Error("the link's window is full");
    const sequence = this.#nextSequence++;
    const untried = { transmissions: 0, sentAtMs: 0, dueAtMs: 0, order: -1, arrived: false };
    this.#flights.push({ sequence, body, sealed: undefined, ...untried });
  }

  /** The next frame that has to go out now, marked as sent; undefined when none has to. */
  take(nowMs: number): InFlight | undefined {
    const flight = this.#flights.find((one) => !one.arrived && one.dueAtMs <= nowMs);
    if (flight === undefined) return undefined;
    if (flight.order >= 0) this.retransmissions++;
    flight.transmissions++;
    flight.sentAtMs = nowMs;
    flight.order = this.#transmissions++;
    flight.dueAtMs =
      nowMs + Math.min(this.#options.maxRetransmitMs, this.#timeoutMs() * 2 ** (flight.transmissions - 1));
    return flight;
  }

  /** When `take` will next have something; Infinity when nothing is outstanding. */
  dueAtMs(): number {
    let due = Number.POSITIVE_INFINITY;
    for (const flight of this.#flights) if (!flight.arrived && flight.dueAtMs < due) due = flight.dueAtMs;
    return due;
  }

  /** Takes in what the peer says has arrived. False when it acknowledges what was never sent: then nothing changes. */
  acknowledge(acknowledged: number, selective: number, nowMs: number): boolean {
    if (acknowledged > this.#nextSequence) return false;
    let latestOrder = -1;
    for (const flight of this.#flights) {
      if (flight.arrived || !isAcknowledged(flight.sequence, acknowledged, selective)) continue;
      flight.arrived = true;
      if (flight.order > latestOrder) latestOrder = flight.order;
      // Karn: an answer to a repeated frame does not say which transmission it answers.
      if (flight.transmissions === 1) this.#observe(nowMs - flight.sentAtMs);
    }
    if (latestOrder < 0) return true;
    // Only a front that has arrived leaves: the receiver's own window starts at its first gap as well.
    while (this.#flights[0]?.arrived === true) this.#flights.shift();
    for (const flight of this.#flights) {
      if (!flight.arrived && flight.order >= 0 && flight.order + OVERTAKEN_BY <= latestOrder) flight.dueAtMs = nowMs;
    }
    return true;
  }

  /** The keys are gone: what is not acknowledged goes again under the next ones, at once, as if never tried. */
  unseal(): void {
    for (const flight of this.#flights) {
      flight.sealed = undefined;
      flight.dueAtMs = 0;
      flight.transmissions = 0;
    }
  }

  /** A new epoch: nothing of the old one is owed any more. */
  reset(): void {
    this.#flights = [];
    this.#nextSequence = 0;
  }

  /** RFC 6298, section 2. */
  #timeoutMs(): number {
    const { initialRetransmitMs, minRetransmitMs, maxRetransmitMs } = this.#options;
    if (this.#smoothedMs === undefined) return initialRetransmitMs;
    return Math.min(maxRetransmitMs, Math.max(minRetransmitMs, this.#smoothedMs + 4 * this.#variationMs));
  }

  #observe(roundTripMs: number): void {
    if (this.#smoothedMs === undefined) {
      this.#smoothedMs = roundTripMs;
      this.#variationMs = roundTripMs / 2;
      return;
    }
    this.#variationMs = 0.75 * this.#variationMs + 0.25 * Math.abs(this.#smoothedMs - roundTripMs);
    this.#smoothedMs = 0.875 * this.#smoothedMs + 0.125 * roundTripMs;
  }
}

function isAcknowledged(sequence: number, acknowledged: number, selective: number): boolean {
  if (sequence < acknowledged) return true;
  const bit = sequence - acknowledged - 1;
  return bit >= 0 && bit < 32 && ((selective >>> bit) & 1) === 1;
}
