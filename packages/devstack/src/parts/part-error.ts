// The operating failures of finding and starting a real part.

export type PartErrorCode =
  | "PART_NOT_FOUND" // neither an address, nor Docker, nor a local binary
  | "PART_NOT_ANSWERING" // an address was given and nothing (or the wrong thing) answers there
  | "PART_NOT_STARTED" // its program could not be run at all
  | "PART_ENDED_EARLY" // its process ended before it was ready
  | "PART_NOT_READY" // its process was not ready before the deadline
  | "PART_NOT_INSTALLED"; // a download or an unpacking failed

/** A part that cannot serve. The message is meant for a person: it says what happened and what to do. */
export class PartError extends Error {
  readonly code: PartErrorCode;

  constructor(code: PartErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "PartError";
    this.code = code;
  }
}
