// Carriers over stream sockets of a family that Node does not know: one end accepts, the other connects.
import { closeSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { BackOff } from "./back-off.ts";
import type { Carrier, CarrierEvents } from "./carrier.ts";
import { CarrierError, codeOf } from "./carrier-error.ts";
import { type Libc, loadLibc } from "./libc.ts";
import { type Line, retryingCarrier } from "./retrying-carrier.ts";
import { socketLine } from "./unix-socket.ts";

export interface NativeAddress {
  readonly family: number;
  /** The family's own struct sockaddr. */
  readonly bytes: Uint8Array;
}

const SOCK_STREAM = 1;
/** Whether somebody connects, or a connection is made, is looked up this often; bytes need no looking. */
const LOOK_MS = 10;
const FIRST_WAIT_MS = 50;
const LAST_WAIT_MS = 1_000;

export function nativeConnector(address: NativeAddress): Carrier {
  return retryingCarrier(async (signal) => connect(await loadLibc(), address, signal));
}

async function connect(libc: Libc, { family, bytes }: NativeAddress, signal: AbortSignal): Promise<Line> {
  const descriptor = libc.socket(family, SOCK_STREAM, 0);
  try {
    let connected = libc.connect(descriptor, bytes);
    while (!connected) {
      await pause(LOOK_MS, undefined, { signal });
      connected = libc.hasConnected(descriptor);
    }
  } catch (error) {
    closeSync(descriptor);
    throw error;
  }
  return socketLine(libc.adopt(descriptor).socket);
}

/** Accepts one connection at a time, and only those for whose peer's address `mayConnect` says yes. */
export function nativeListener(address: NativeAddress, mayConnect: (peer: Buffer) => boolean): Carrier {
  return new NativeListener(address, mayConnect);
}

class NativeListener implements Carrier {
  readonly #address: NativeAddress;
  readonly #mayConnect: (peer: Buffer) => boolean;
  readonly #backOff = new BackOff(FIRST_WAIT_MS, LAST_WAIT_MS);
  readonly #closed = new AbortController();
  #listening: Promise<void> = Promise.resolve();
  #line: { readonly line: Line; readonly over: Promise<void> } | undefined;

  constructor(address: NativeAddress, mayConnect: (peer: Buffer) => boolean) {
    this.#address = address;
    this.#mayConnect = mayConnect;
  }

  open(events: CarrierEvents): void {
    this.#listening = this.#listenForEver(events);
  }

  async close(): Promise<void> {
    this.#closed.abort();
    this.#line?.line.close();
    await this.#listening;
    await this.#line?.over;
  }

  async #listenForEver(events: CarrierEvents): Promise<void> {
    const { signal } = this.#closed;
    while (!signal.aborted) {
      try {
        await this.#listen(events, signal);
      } catch (error) {
        if (signal.aborted) return;
        if (!isOrdinary(error)) throw error;
        events.onFailure({ code: codeOf(error), detail: String(error) });
      }
      await pause(this.#backOff.next(), undefined, { signal }).catch(() => {});
    }
  }

  async #listen(events: CarrierEvents, signal: AbortSignal): Promise<void> {
    const libc = await loadLibc();
    const { family, bytes } = this.#address;
    const descriptor = libc.socket(family, SOCK_STREAM, 0);
    try {
      libc.bind(descriptor, bytes);
      libc.listen(descriptor);
      this.#backOff.reset();
      while (!signal.aborted) {
        const accepted = libc.accept(descriptor, bytes.length);
        if (accepted === undefined) await pause(LOOK_MS, undefined, { signal }).catch(() => {});
        else this.#take(libc, accepted, events);
      }
    } finally {
      closeSync(descriptor);
    }
  }

  #take(
    libc: Libc,
    { descriptor, peer }: { readonly descriptor: number; readonly peer: Buffer },
    events: CarrierEvents,
  ) {
    if (this.#line !== undefined || !this.#mayConnect(peer)) {
      closeSync(descriptor);
      events.onTurnedAway();
      return;
    }
    const line = socketLine(libc.adopt(descriptor).socket);
    const served = events.onConnection({
      write: (bytes) => line.write(bytes),
      confirm: () => {},
      close: () => line.close(),
    });
    const over = new Promise<void>((resolve) => {
      line.start({
        onBytes: (bytes) => served.onBytes(bytes),
        onDrain: () => served.onDrain(),
        onTurnedAway: () => {},
        onClose: () => {
          this.#line = undefined;
          served.onClose();
          resolve();
        },
      });
    });
    this.#line = { line, over };
  }
}

/** What the system refuses is tried again; anything else is a fault of ours and ends the process. */
function isOrdinary(error: unknown): boolean {
  return error instanceof CarrierError;
}
