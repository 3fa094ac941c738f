// A carrier that is open, and all that it has reported, for the tests of carriers.
import type { Carrier, CarrierConnection } from "../src/carrier.ts";

export interface Watched {
  readonly carrier: Carrier;
  /** "connected", "closed", "turned away", "failed <code>"; bytes are in `received`. */
  readonly log: readonly string[];
  readonly connections: readonly CarrierConnection[];
  received(): Buffer;
  /** Resolves once the line has been reported that many times. */
  until(line: string, times?: number): Promise<void>;
  untilReceived(bytes: number): Promise<void>;
  /** Writes in pieces of random lengths, waiting whenever the connection asks; returns how often it did. */
  send(bytes: Buffer, pieceBytes: () => number): Promise<number>;
}

export function watchCarrier(carrier: Carrier): Watched {
  const log: string[] = [];
  const connections: CarrierConnection[] = [];
  const chunks: Buffer[] = [];
  let received = 0;
  let drained = 0;
  const waiting = new Set<() => void>();
  const changed = (): void => {
    for (const look of [...waiting]) look();
  };
  const report = (line: string): void => {
    log.push(line);
    changed();
  };
  const untilTrue = (holds: () => boolean): Promise<void> =>
    new Promise((resolve) => {
      const look = (): void => {
        if (!holds()) return;
        waiting.delete(look);
        resolve();
      };
      waiting.add(look);
      look();
    });
  carrier.open({
    onConnection: (connection) => {
      connections.push(connection);
      report("connected");
      return {
        onBytes: (bytes) => {
          chunks.push(Buffer.from(bytes));
          received += bytes.length;
          changed();
        },
        onDrain: () => {
          drained++;
          changed();
        },
        onClose: () => report("closed"),
      };
    },
    onTurnedAway: () => report("turned away"),
    onFailure: ({ code }) => report(`failed ${code}`),
  });
  return {
    carrier,
    log,
    connections,
    received: () => Buffer.concat(chunks),
    until: (line, times = 1) => untilTrue(() => log.filter((one) => one === line).length >= times),
    untilReceived: (bytes) => untilTrue(() => received >= bytes),
    send: async (bytes, pieceBytes) => {
      let waits = 0;
      for (let from = 0; from < bytes.length; ) {
        const piece = bytes.subarray(from, from + pieceBytes());
        from += piece.length;
        const drainedBefore = drained;
        if (connections.at(-1)?.write(piece) !== false) continue;
        waits++;
        await untilTrue(() => drained > drainedBefore);
      }
      return waits;
    },
  };
}
