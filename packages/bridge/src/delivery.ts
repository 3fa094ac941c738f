// Hands arrived messages to the application one after the other, and again and again until it accepts each.
import { BackOff } from "./back-off.ts";
import type { Arrived } from "./incoming.ts";

export interface DeliveryOptions {
  readonly onMessage: (bytes: Uint8Array) => Promise<void>;
  readonly onAccepted: (message: Arrived) => void;
  readonly onRejected: (rejection: {
    readonly error: unknown;
    readonly attempt: number;
    readonly retryInMs: number;
  }) => void;
  readonly redeliveryMinMs: number;
  readonly redeliveryMaxMs: number;
}

export class Delivery {
  readonly #options: DeliveryOptions;
  #queue: Arrived[] = [];
  #running: Promise<void> | undefined;
  #closed = false;
  #wake: (() => void) | undefined;

  constructor(options: DeliveryOptions) {
    this.#options = options;
  }

  push(message: Arrived): void {
    if (this.#closed) return;
    this.#queue.push(message);
    this.#running ??= this.#run();
  }

  /** Hands on nothing more, and waits for what the application has in hand. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#queue = [];
    this.#wake?.();
    await this.#running;
  }

  async #run(): Promise<void> {
    for (let message = this.#queue.shift(); message !== undefined; message = this.#queue.shift()) {
      if (await this.#deliver(message)) this.#options.onAccepted(message);
    }
    this.#running = undefined;
  }

  /** True once the application has accepted the message; false when the bridge closed first. */
  async #deliver(message: Arrived): Promise<boolean> {
    const { onMessage, onRejected, redeliveryMinMs, redeliveryMaxMs } = this.#options;
    const backOff = new BackOff(redeliveryMinMs, redeliveryMaxMs);
    for (let attempt = 1; ; attempt++) {
      try {
        // A copy of its own: what one attempt does to its bytes, the next must not see.
        await onMessage(message.bytes.slice());
        return true;
      } catch (error) {
        if (this.#closed) return false;
        const retryInMs = backOff.next();
        onRejected({ error, attempt, retryInMs });
        await this.#pause(retryInMs);
        if (this.#closed) return false;
      }
    }
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
