// A carrier out of something that can be opened: opens it, serves it as a connection, opens it again, for ever.
import { BackOff } from "./back-off.ts";
import type { Carrier, CarrierConnection, CarrierEvents, ConnectionEvents } from "./carrier.ts";
import { codeOf } from "./carrier-error.ts";

/** What one successful attempt gives: a connection, or the open device of a medium that knows none. */
export interface Line {
  /** Called once, first. From here on what arrives is handed over; `onClose` comes exactly once, last. */
  start(events: LineEvents): void;
  /** As `CarrierConnection.chunkBytes`. */
  readonly chunkBytes?: number;
  /** As `CarrierConnection.write`. */
  write(bytes: Uint8Array): boolean;
  /** As `CarrierConnection.close`. */
  close(): void;
}

export interface LineEvents extends ConnectionEvents {
  onTurnedAway(): void;
}

/**
 * Resolves to an open line, or rejects with an error whose `code` is stable. When the signal is aborted it ends what it
 * has begun and rejects, or resolves all the same: the line is closed then.
 */
export type OpenLine = (signal: AbortSignal) => Promise<Line>;

const FIRST_WAIT_MS = 10;
const LAST_WAIT_MS = 1_000;

export function retryingCarrier(openLine: OpenLine): Carrier {
  return new RetryingCarrier(openLine);
}

class RetryingCarrier implements Carrier {
  readonly #openLine: OpenLine;
  readonly #backOff = new BackOff(FIRST_WAIT_MS, LAST_WAIT_MS);
  readonly #closed = new AbortController();
  /** Settles when the attempt in hand and the line that came of it are over. */
  #present: Promise<void> = Promise.resolve();
  #line: Line | undefined;
  #retry: NodeJS.Timeout | undefined;

  constructor(openLine: OpenLine) {
    this.#openLine = openLine;
  }

  open(events: CarrierEvents): void {
    this.#present = this.#attempt(events);
  }

  close(): Promise<void> {
    this.#closed.abort();
    clearTimeout(this.#retry);
    this.#line?.close();
    return this.#present;
  }

  async #attempt(events: CarrierEvents): Promise<void> {
    const { signal } = this.#closed;
    const line = await this.#openLine(signal).catch((error: unknown) => {
      if (!signal.aborted) events.onFailure({ code: codeOf(error), detail: String(error) });
    });
    if (line !== undefined) await (signal.aborted ? endUnused(line) : this.#serve(line, events));
    if (signal.aborted) return;
    this.#retry = setTimeout(() => this.open(events), this.#backOff.next());
  }

  #serve(line: Line, events: CarrierEvents): Promise<void> {
    const connection: CarrierConnection = {
      ...(line.chunkBytes === undefined ? {} : { chunkBytes: line.chunkBytes }),
      write: (bytes) => line.write(bytes),
      confirm: () => this.#backOff.reset(),
      close: () => line.close(),
    };
    this.#line = line;
    return new Promise((resolve) => {
      const served = events.onConnection(connection);
      line.start({
        onBytes: (bytes) => served.onBytes(bytes),
        onDrain: () => served.onDrain(),
        onTurnedAway: () => events.onTurnedAway(),
        onClose: () => {
          this.#line = undefined;
          served.onClose();
          resolve();
        },
      });
    });
  }
}

function endUnused(line: Line): Promise<void> {
  return new Promise((resolve) => {
    line.start({ onBytes: () => {}, onDrain: () => {}, onTurnedAway: () => {}, onClose: resolve });
    line.close();
  });
}
