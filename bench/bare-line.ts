// The carrier alone: what the medium and its adapter do without frames, acknowledgements and encryption.
import { setTimeout as pause } from "node:timers/promises";
import type { Carrier, CarrierConnection } from "@sluice/bridge";
import { type EndResult, PLAN, type What } from "./bridge-plan.ts";

const PIECE_BYTES = 65_536;
const TOTAL_BYTES = PLAN.messages * PLAN.messageBytes;
/** A bare line that has lost its last bytes is not waited for longer. */
const IDLE_MS = 500;
const HELLO_MS = 20;
const SETTLE_MS = 100;

/** The far end: says hello until it is heard, then echoes, or counts and says what it has counted. */
export function serveBare(carrier: Carrier, what: What): void {
  const line = openBare(carrier);
  const hello = setInterval(() => line.connection?.write(Buffer.from("h")), HELLO_MS);
  let isMet = false;
  let [got, firstMs, lastMs] = [0, 0, 0];
  line.onBytes = (bytes) => {
    clearInterval(hello);
    // The first byte is only the other end's "go".
    const rest = isMet ? bytes : bytes.subarray(1);
    isMet = true;
    if (rest.length === 0) return;
    if (what === "round trips") {
      line.connection?.write(Uint8Array.from(rest));
      return;
    }
    lastMs = performance.now();
    if (got === 0) {
      firstMs = lastMs;
      const look = setInterval(() => {
        if (got < TOTAL_BYTES && performance.now() - lastMs < IDLE_MS) return;
        clearInterval(look);
        line.connection?.write(Buffer.from(`${JSON.stringify({ got, ms: lastMs - firstMs })}\n`));
      }, 10);
    }
    got += rest.length;
  };
}

export async function measureBare(carrier: Carrier, what: What): Promise<EndResult> {
  const line = openBare(carrier);
  await line.nextBytes();
  line.connection?.write(Buffer.from("g"));
  // What was said before the far end heard this is still on its way.
  await pause(SETTLE_MS);
  return what === "round trips" ? measureTrips(line) : measureThroughput(line);
}

async function measureTrips(line: BareLine): Promise<EndResult> {
  let received = 0;
  line.onBytes = (bytes) => {
    received += bytes.length;
  };
  const us: number[] = [];
  for (let done = 0; done < PLAN.warmUp + PLAN.roundTrips; done++) {
    received = 0;
    const begun = performance.now();
    line.connection?.write(Buffer.alloc(PLAN.roundTripBytes, 1));
    while (received < PLAN.roundTripBytes) await line.nextBytes();
    if (done >= PLAN.warmUp) us.push((performance.now() - begun) * 1_000);
  }
  return { what: "round trips", us };
}

async function measureThroughput(line: BareLine): Promise<EndResult> {
  let said = "";
  line.onBytes = (bytes) => {
    said += Buffer.from(bytes).toString();
  };
  const piece = Buffer.alloc(PIECE_BYTES, 7);
  for (let sent = 0; sent < TOTAL_BYTES; sent += PIECE_BYTES) {
    if (line.connection?.write(piece) === false) await line.drained();
  }
  while (!said.includes("\n")) await line.nextBytes();
  const { got, ms } = JSON.parse(said) as { readonly got: number; readonly ms: number };
  return { what: "throughput", megabytesPerSecond: got / ms / 1_000, lostBytes: TOTAL_BYTES - got };
}

interface BareLine {
  connection: CarrierConnection | undefined;
  onBytes: (bytes: Uint8Array) => void;
  /** Resolves after the next bytes have been handed to `onBytes`. */
  nextBytes(): Promise<void>;
  drained(): Promise<void>;
}

function openBare(carrier: Carrier): BareLine {
  const waiting: (() => void)[] = [];
  const draining: (() => void)[] = [];
  const line: BareLine = {
    connection: undefined,
    onBytes: () => {},
    nextBytes: () => new Promise((resolve) => waiting.push(resolve)),
    drained: () => new Promise((resolve) => draining.push(resolve)),
  };
  carrier.open({
    onConnection: (connection) => {
      line.connection = connection;
      return {
        onBytes: (bytes) => {
          line.onBytes(bytes);
          for (const resolve of waiting.splice(0)) resolve();
        },
        onDrain: () => {
          for (const resolve of draining.splice(0)) resolve();
        },
        onClose: () => {
          line.connection = undefined;
        },
      };
    },
    onTurnedAway: () => {},
    onFailure: () => {},
  });
  return line;
}
