// How often a handshake may be tried: a few at once, then ever more rarely, until one is confirmed.

export interface AttemptLimits {
  /** So many tries without a confirmed session cost no wait. */
  readonly freeAttempts: number;
  /** The wait after the next one, doubling up to the last. */
  readonly attemptMinMs: number;
  readonly attemptMaxMs: number;
}

export class Attempts {
  readonly #limits: AttemptLimits;
  #count = 0;
  #readyAtMs = 0;

  constructor(limits: AttemptLimits) {
    this.#limits = limits;
  }

  get readyAtMs(): number {
    return this.#readyAtMs;
  }

  /** False when it is too early: then nothing may be computed. */
  take(nowMs: number): boolean {
    if (nowMs < this.#readyAtMs) return false;
    const { freeAttempts, attemptMinMs, attemptMaxMs } = this.#limits;
    this.#count++;
    const beyond = this.#count - freeAttempts;
    if (beyond >= 0) this.#readyAtMs = nowMs + Math.min(attemptMaxMs, attemptMinMs * 2 ** Math.min(beyond, 30));
    return true;
  }

  /** A session was confirmed: whoever is there is the peer. */
  confirmed(): void {
    this.#count = 0;
    this.#readyAtMs = 0;
  }
}
