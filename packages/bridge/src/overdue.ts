// Notices messages that wait for longer than their deadline: each is told of once, and goes on waiting.

export interface Timed {
  /** When it was offered and how long it may wait before it is told of, milliseconds of one monotonic clock. */
  readonly sinceMs: number;
  readonly deadlineMs: number;
}

const LOOK_EVERY_MS = 250;

export class Overdue<T extends Timed> {
  readonly #pending: () => readonly T[];
  readonly #onOverdue: (message: T, waitedMs: number) => void;
  /** Forgets by itself whatever is no longer pending. */
  readonly #told = new WeakSet<T>();
  #timer: NodeJS.Timeout | undefined;
  #ever = 0;

  constructor(pending: () => readonly T[], onOverdue: (message: T, waitedMs: number) => void) {
    this.#pending = pending;
    this.#onOverdue = onOverdue;
  }

  get ever(): number {
    return this.#ever;
  }

  count(nowMs: number): number {
    return this.#pending().filter((message) => isOverdue(message, nowMs)).length;
  }

  /** Looks from now on for as long as anything is pending. */
  watch(): void {
    this.#timer ??= setInterval(() => this.look(performance.now()), LOOK_EVERY_MS).unref();
  }

  look(nowMs: number): void {
    const pending = this.#pending();
    if (pending.length === 0) this.stop();
    for (const message of pending) {
      if (!isOverdue(message, nowMs) || this.#told.has(message)) continue;
      this.#told.add(message);
      this.#ever++;
      this.#onOverdue(message, nowMs - message.sinceMs);
    }
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}

function isOverdue({ sinceMs, deadlineMs }: Timed, nowMs: number): boolean {
  return nowMs - sinceMs >= deadlineMs;
}
