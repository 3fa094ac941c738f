// Carriers with one bug each, made out of a good one: what the contract has to find.
import type { Carrier, CarrierConnection, CarrierEvents, ConnectionEvents } from "../src/carrier.ts";

export interface Planted {
  readonly bug: string;
  /** How the name of the promise begins that must catch it. */
  readonly breaks: string;
  readonly plant: (carrier: Carrier) => Carrier;
}

export const PLANTED: readonly Planted[] = [
  {
    bug: "loses one byte in many",
    breaks: "moves bytes",
    plant: (carrier) => altered(carrier, { bytes: (chunk, at) => (at === 1 ? chunk.subarray(1) : chunk) }),
  },
  {
    bug: "flips a bit",
    breaks: "moves bytes",
    plant: (carrier) =>
      altered(carrier, {
        bytes: (chunk, at) =>
          at === 1 ? Uint8Array.from(chunk, (byte, index) => (index === 0 ? byte ^ 1 : byte)) : chunk,
      }),
  },
  {
    bug: "never says that it has enough",
    breaks: "says when it has enough",
    plant: (carrier) => altered(carrier, { more: () => true }),
  },
  {
    bug: "never says that it can take more",
    breaks: "says when it has enough",
    plant: (carrier) => altered(carrier, { drain: false }),
  },
  {
    bug: "does not tell that the peer has gone",
    breaks: "the peer's going",
    plant: (carrier) => altered(carrier, { close: 0 }),
  },
  {
    bug: "tells the end of a connection twice",
    breaks: "closing ends everything",
    plant: (carrier) => altered(carrier, { close: 2 }),
  },
  {
    bug: "tells nobody that a third was turned away",
    breaks: "a third is kept out",
    plant: (carrier) => ({
      close: () => carrier.close(),
      open: (events) => carrier.open({ ...events, onTurnedAway: () => {} }),
    }),
  },
  {
    bug: "leaves its connection open when it is closed",
    breaks: "closing ends everything",
    plant: (carrier) => ({ open: (events) => carrier.open(events), close: async () => {} }),
  },
];

interface Alteration {
  readonly bytes?: (chunk: Uint8Array, number: number) => Uint8Array;
  readonly more?: (more: boolean) => boolean;
  readonly drain?: false;
  /** How often the end is told. */
  readonly close?: number;
}

function altered(carrier: Carrier, { bytes, more, drain, close = 1 }: Alteration): Carrier {
  let chunks = 0;
  const events = (inner: CarrierEvents): CarrierEvents => ({
    ...inner,
    onConnection: (connection): ConnectionEvents => {
      const seen: CarrierConnection = {
        ...connection,
        write: (piece) => {
          const answer = connection.write(piece);
          return more === undefined ? answer : more(answer);
        },
      };
      const served = inner.onConnection(seen);
      return {
        onBytes: (chunk) => served.onBytes(bytes === undefined ? chunk : bytes(chunk, chunks++)),
        onDrain: () => {
          if (drain !== false) served.onDrain();
        },
        onClose: () => {
          for (let told = 0; told < close; told++) served.onClose();
        },
      };
    },
  });
  return { open: (inner) => carrier.open(events(inner)), close: () => carrier.close() };
}
