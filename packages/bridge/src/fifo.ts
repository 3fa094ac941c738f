// A named pipe (FIFO) as a line that goes one way: one half of a pair that `onewayCarrier` joins.
import { closeSync, constants, fstatSync, openSync } from "node:fs";
import { Socket } from "node:net";
import type { Carrier } from "./carrier.ts";
import { CarrierError } from "./carrier-error.ts";
import { type Line, retryingCarrier } from "./retrying-carrier.ts";
import { socketLine } from "./unix-socket.ts";

/**
 * The end that only reads. It is open whether somebody writes or not: that nobody does is for the link to notice. A
 * second reader would take bytes away from the first and cannot be told; the file's mode must keep it away.
 */
export function fifoReader(path: string): Carrier {
  // Open for writing too, so that the last writer's going does not look like the end of all bytes.
  return retryingCarrier(async () => openFifo(path, constants.O_RDWR, { readable: true, writable: false }));
}

/** The end that only writes. Fails with ENXIO until somebody reads, and closes when nobody does any more. */
export function fifoWriter(path: string): Carrier {
  return retryingCarrier(async () => openFifo(path, constants.O_WRONLY, { readable: false, writable: true }));
}

function openFifo(path: string, mode: number, ways: { readonly readable: boolean; readonly writable: boolean }): Line {
  const descriptor = openSync(path, mode | constants.O_NONBLOCK);
  if (fstatSync(descriptor).isFIFO()) return socketLine(new Socket({ fd: descriptor, ...ways }));
  closeSync(descriptor);
  throw new CarrierError("PATH_NOT_A_FIFO", `${path} is no named pipe`);
}
