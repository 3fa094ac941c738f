// What becomes of a message whose handler failed: try again, park, or stop the process.

import { isRetriable, sqlState } from "@sluice/postgres";

/** An operating failure that says itself what helps: "retry" the batch later, or "park" the message for a person. */
export class OperatingError extends Error {
  override readonly name = "OperatingError";
  readonly code: string;
  readonly action: "retry" | "park";

  constructor(code: string, action: "retry" | "park", message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.code = code;
    this.action = action;
  }
}

/** Something that cannot be, is. The process ends before it does more harm; nothing of the batch in hand is saved. */
export class InvariantBroken extends Error {
  override readonly name = "InvariantBroken";
}

export type Failure =
  | { readonly action: "retry" }
  | { readonly action: "stop" }
  | { readonly action: "park"; readonly code: string; readonly reason: string };

export function judge(error: unknown): Failure {
  if (isInvariantBroken(error)) return { action: "stop" };
  if (error instanceof OperatingError && error.action === "retry") return { action: "retry" };
  if (isRetriable(error)) return { action: "retry" };
  return { action: "park", code: codeOf(error), reason: reasonOf(error) };
}

/**
 * True when a call of the Kafka client failed because no broker answers, or answers "not now": the same call may succeed
 * later. The client calls a refused connection not retriable once it has tried often enough; its name says what it was.
 */
export function isAway(error: unknown): boolean {
  for (let current = error, depth = 0; current instanceof Error && depth < 8; current = current.cause, depth += 1) {
    if (AWAY.has(current.name) || ("retriable" in current && current.retriable === true)) return true;
  }
  return false;
}

const AWAY: ReadonlySet<string> = new Set([
  "KafkaJSConnectionError",
  "KafkaJSConnectionClosedError",
  "KafkaJSRequestTimeoutError",
  "KafkaJSNumberOfRetriesExceeded",
  "KafkaJSBrokerNotFound",
  // What the client says of a coordinator that it could not ask, whatever the reason.
  "KafkaJSGroupCoordinatorNotFound",
]);

function isInvariantBroken(error: unknown): boolean {
  // By name, so that the pure domain may throw its own without knowing of this package.
  return error instanceof Error && error.name === "InvariantBroken";
}

function codeOf(error: unknown): string {
  if (sqlState(error) !== undefined) return "STATEMENT_FAILED";
  const code = error instanceof Error ? (error as { readonly code?: unknown }).code : undefined;
  return typeof code === "string" && /^[A-Z][A-Z0-9_]{2,63}$/.test(code) ? code : "HANDLER_FAILED";
}

function reasonOf(error: unknown): string {
  const state = sqlState(error);
  const message = error instanceof Error ? error.message : String(error);
  return state === undefined ? message : `SQLSTATE ${state}: ${message}`;
}
