// A carrier whose connections end, from this side, after a random number of bytes in both directions together.
import type { Carrier, CarrierConnection } from "../src/carrier.ts";
import type { Random } from "./generator.ts";

export interface CutOptions {
  readonly random: Random;
  /** On average; a connection also lives until at least half of them have passed. */
  readonly everyBytes: number;
  readonly most: number;
}

export function cuttingCarrier(inner: Carrier, { random, everyBytes, most }: CutOptions): Carrier & { cuts(): number } {
  let cuts = 0;
  return {
    cuts: () => cuts,
    close: () => inner.close(),
    open: (events) => {
      inner.open({
        ...events,
        onConnection: (connection) => {
          let left = everyBytes / 2 + random.below(everyBytes);
          const passed = (bytes: number): void => {
            if (left <= 0 || cuts >= most) return;
            left -= bytes;
            if (left > 0) return;
            cuts++;
            connection.close();
          };
          const counted: CarrierConnection = {
            ...connection,
            confirm: () => connection.confirm(),
            close: () => connection.close(),
            write: (bytes) => {
              const more = connection.write(bytes);
              passed(bytes.length);
              return more;
            },
          };
          const served = events.onConnection(counted);
          return {
            onDrain: () => served.onDrain(),
            onClose: () => served.onClose(),
            onBytes: (bytes) => {
              served.onBytes(bytes);
              passed(bytes.length);
            },
          };
        },
      });
    },
  };
}
