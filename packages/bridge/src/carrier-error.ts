// Why a carrier could not open its line: a code that does not change, and words for a person.
import { getSystemErrorName } from "node:util";

export class CarrierError extends Error {
  override readonly name = "CarrierError";
  /** UPPER_SNAKE of ours, such as PATH_NOT_A_FIFO, or the system's own, such as ENODEV. */
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

/** The error of a call of the system that failed. */
export function systemError(call: string, errno: number): CarrierError {
  const code = getSystemErrorName(-errno);
  return new CarrierError(code, `${call} failed: ${code}`);
}

/** The stable code of an error, such as ECONNREFUSED. */
export function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "UNKNOWN";
}
