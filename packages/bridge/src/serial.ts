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

/** What waits in this process for the line. Small, so that an acknowledgement is not kept waiting long behind it. */
const WAITING_BYTES = 4_096;

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
      highWaterMark: WAITING_BYTES,
    });
    port.on("error", () => {});
    await new Promise<void>((resolve, reject) => {
      port.open((error) => (error === null || error === undefined ? resolve() : reject(reasonOf(error, path))));
    });
    return new SerialLine(port);
  });
}

/** Only a process that uses a serial line loads the library. */
function loadSerialPort(): Promise<typeof import("serialport")> {
  return import("serialport").catch((error: unknown) => {
    throw new CarrierError("SERIAL_UNAVAILABLE", `the serial library does not load here: ${String(error)}`);
  });
}

class SerialLine implements Line {
  readonly chunkBytes = WAITING_BYTES;
  readonly #port: SerialPort;

  constructor(port: SerialPort) {
    this.#port = port;
  }

  start(events: Parameters<Line["start"]>[0]): void {
    this.#port.on("data", (bytes: Buffer) => events.onBytes(bytes));
    this.#port.on("drain", () => events.onDrain());
    // Comes when the device goes away, too.
    this.#port.once("close", () => events.onClose());
  }

  write(bytes: Uint8Array): boolean {
    return this.#port.write(bytes);
  }

  close(): void {
    if (this.#port.isOpen && !this.#port.closing) this.#port.close();
  }
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
