// Waiting times that double from attempt to attempt up to a limit.

export class BackOff {
  readonly #firstMs: number;
  readonly #lastMs: number;
  #nextMs: number;

  constructor(firstMs: number, lastMs: number) {
    this.#firstMs = firstMs;
    this.#lastMs = lastMs;
    this.#nextMs = firstMs;
  }

  /** How long to wait now, in milliseconds. */
  next(): number {
    const nowMs = this.#nextMs;
    this.#nextMs = Math.min(this.#lastMs, nowMs * 2);
    return nowMs;
  }

  reset(): void {
    this.#nextMs = this.#firstMs;
  }
}
