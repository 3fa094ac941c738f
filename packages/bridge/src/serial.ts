// The carrier over a serial line.
import { accessSync, constants, statSync } from "node:fs";
import type { SerialPort } from "serialport";
import type { Carrier } from "./carrier.ts";
import { CarrierError, codeOf } from "./carrier-error.ts";
import { type Line, retryingCarrier } from "./retrying-carrier.ts";

export interface SerialOptions {
  /** Such as /dev/ttyS0. */
  readonly path: string;
  readonly baud: number;
  /** Whether RTS and CTS are wired and hold the sender back. Without it what the receiver misses is sent again. */
  readonly flow: "none" | "hardware";
}

/** Ten bits go over the line for a byte: start, eight, stop. */
const BITS_A_BYTE = 10;
const CHUNKS_A_SECOND = 3;
/** How often an open line looks whether its device is still there. */
const WATCH_MS = 500;
/** What waits to be written and what is read at once have one limit in the library; reading wants not too small a one. */
const BYTES_READ_AT_LEAST = 1_024;

/**
 * Both ends are alike, and connected as soon as their own device is open: that nobody answers is for the link to
 * notice. The device is locked, so a second process that opens it by this carrier fails with PATH_IN_USE.
 */
export function serialCarrier(options: SerialOptions): Carrier {
  return retryingCarrier(async () => {
    const { SerialPort } = await loadSerialPort();
    const { path, baud, flow } = options;
    const port = new SerialPort({
      path,
      baudRate: baud,
      rtscts: flow === "hardware",
      lock: true,
      autoOpen: false,
      highWaterMark: Math.max(chunkBytesAt(baud), BYTES_READ_AT_LEAST),
    });
    port.on("error", () => {});
    await new Promise<void>((resolve, reject) => {
      port.open((error) => (error === null || error === undefined ? resolve() : reject(reasonOf(error, path))));
    });
    return new SerialLine(port, path, chunkBytesAt(baud));
  });
}

/** A third of a second's worth: what an acknowledgement may have to wait behind. */
export function chunkBytesAt(baud: number): number {
  return Math.ceil(baud / BITS_A_BYTE / CHUNKS_A_SECOND);
}

/** Only a process that uses a serial line loads the library. */
function loadSerialPort(): Promise<typeof import("serialport")> {
  return import("serialport").catch((error: unknown) => {
    throw new CarrierError("SERIAL_UNAVAILABLE", `the serial library does not load here: ${String(error)}`);
  });
}

class SerialLine implements Line {
  readonly chunkBytes: number;
  readonly #port: SerialPort;
  readonly #path: string;
  readonly #device: number | undefined;
  #watch: NodeJS.Timeout | undefined;

  constructor(port: SerialPort, path: string, chunkBytes: number) {
    this.#port = port;
    this.#path = path;
    this.#device = deviceAt(path);
    this.chunkBytes = chunkBytes;
  }

  start(events: Parameters<Line["start"]>[0]): void {
    this.#port.on("data", (bytes: Buffer) => events.onBytes(bytes));
    this.#port.on("drain", () => events.onDrain());
    this.#port.once("close", () => {
      clearInterval(this.#watch);
      events.onClose();
    });
    // The library notices a device that goes away only while it waits for it. One that was gone before reads as empty,
    // and is read again at once, for ever; so the device itself is looked after.
    this.#watch = setInterval(() => {
      if (this.#device === undefined || deviceAt(this.#path) !== this.#device) this.close();
    }, WATCH_MS);
  }

  write(bytes: Uint8Array): boolean {
    return this.#port.write(bytes);
  }

  close(): void {
    if (this.#port.isOpen && !this.#port.closing) this.#port.close();
  }
}

/** The number of the device that is there now. */
function deviceAt(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.rdev;
}

/** The library says why in words only, so the device is asked again. */
function reasonOf(error: Error, path: string): CarrierError {
  if (/lock/i.test(error.message)) return new CarrierError("PATH_IN_USE", `another process uses ${path}`);
  try {
    if (!statSync(path).isCharacterDevice())
      return new CarrierError("PATH_NOT_A_DEVICE", `${path} is no character device`);
    accessSync(path, constants.R_OK | constants.W_OK);
  } catch (reason) {
    return new CarrierError(codeOf(reason), String(reason));
  }
  return new CarrierError("SERIAL_FAILED", error.message);
}
