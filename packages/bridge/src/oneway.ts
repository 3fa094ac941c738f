// Two lines that each go one way, joined to one carrier. Data diodes are wired like this.
import type { Carrier, CarrierConnection, CarrierEvents, ConnectionEvents } from "./carrier.ts";

/** What arrives before the way out is open too waits up to so many bytes; the link repeats what is beyond. */
const EARLY_BYTES = 65_536;

/**
 * `inbound` is only read from and `outbound` only written to. The pair is connected while both lines are; when one
 * closes, the other is closed too, and both are opened again.
 */
export function onewayCarrier(inbound: Carrier, outbound: Carrier): Carrier {
  return new OnewayPair(inbound, outbound);
}

/** Both lines at a time when both were open. */
interface Pair {
  readonly inward: CarrierConnection;
  readonly outward: CarrierConnection;
  readonly served: ConnectionEvents;
  isEnding: boolean;
}

class OnewayPair implements Carrier {
  readonly #inbound: Carrier;
  readonly #outbound: Carrier;
  #inward: CarrierConnection | undefined;
  #outward: CarrierConnection | undefined;
  #pair: Pair | undefined;
  #early: Uint8Array[] = [];

  constructor(inbound: Carrier, outbound: Carrier) {
    this.#inbound = inbound;
    this.#outbound = outbound;
  }

  open(events: CarrierEvents): void {
    const onTurnedAway = (): void => events.onTurnedAway();
    const onFailure: CarrierEvents["onFailure"] = (failure) => events.onFailure(failure);
    this.#inbound.open({
      onTurnedAway,
      onFailure,
      onConnection: (connection) => {
        this.#inward = connection;
        this.#early = [];
        this.#join(events);
        return {
          onBytes: (bytes) => this.#take(connection, bytes),
          onDrain: () => {},
          onClose: () => {
            this.#inward = undefined;
            this.#lost(connection, events);
          },
        };
      },
    });
    this.#outbound.open({
      onTurnedAway,
      onFailure,
      onConnection: (connection) => {
        this.#outward = connection;
        this.#join(events);
        return {
          onBytes: () => {},
          onDrain: () => {
            if (this.#pair?.outward === connection) this.#pair.served.onDrain();
          },
          onClose: () => {
            this.#outward = undefined;
            this.#lost(connection, events);
          },
        };
      },
    });
  }

  async close(): Promise<void> {
    await Promise.all([this.#inbound.close(), this.#outbound.close()]);
  }

  #join(events: CarrierEvents): void {
    const [inward, outward] = [this.#inward, this.#outward];
    // While a line of the last pair is still closing, the next pair has to wait.
    if (inward === undefined || outward === undefined || this.#pair !== undefined) return;
    const served = events.onConnection({
      ...(outward.chunkBytes === undefined ? {} : { chunkBytes: outward.chunkBytes }),
      write: (bytes) => outward.write(bytes),
      confirm: () => {
        inward.confirm();
        outward.confirm();
      },
      close: () => {
        inward.close();
        outward.close();
      },
    });
    this.#pair = { inward, outward, served, isEnding: false };
    for (const bytes of this.#early.splice(0)) served.onBytes(bytes);
  }

  #take(connection: CarrierConnection, bytes: Uint8Array): void {
    if (this.#pair?.inward === connection) this.#pair.served.onBytes(bytes);
    else if (this.#early.reduce((sum, { length }) => sum + length, bytes.length) <= EARLY_BYTES)
      this.#early.push(bytes);
  }

  #lost(connection: CarrierConnection, events: CarrierEvents): void {
    const pair = this.#pair;
    if (pair === undefined || (pair.inward !== connection && pair.outward !== connection)) return;
    if (!pair.isEnding) {
      pair.isEnding = true;
      (pair.inward === connection ? pair.outward : pair.inward).close();
      return;
    }
    this.#pair = undefined;
    pair.served.onClose();
    this.#join(events);
  }
}
