// Tells an operating failure that passes (try again) from one that will fail the same way every time.

/** Codes of the failures that this package itself raises; what the server says keeps its own SQLSTATE. */
export type PostgresErrorCode =
  | "DATABASE_URL_INVALID"
  | "CONNECTION_LOST"
  | "TRANSACTION_CLOSED"
  | "TRANSACTION_ABORTED"
  | "MIGRATION_NAME_INVALID"
  | "MIGRATION_GAP"
  | "MIGRATION_CHANGED"
  | "MIGRATION_MISSING"
  | "MIGRATION_FAILED";

export class PostgresError extends Error {
  override readonly name = "PostgresError";
  readonly code: PostgresErrorCode;

  constructor(code: PostgresErrorCode, message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}

/**
 * True when the same work may succeed on another attempt: the connection broke, the server is starting, stopping,
 * read-only or out of room, or two transactions got in each other's way. The whole cause chain is looked at.
 */
export function isRetriable(error: unknown): boolean {
  for (let current = error, depth = 0; current instanceof Error && depth < 8; current = current.cause, depth += 1) {
    const code = codeOf(current);
    if (code === undefined) continue;
    if (code === "CONNECTION_LOST" || NETWORK_CODES.has(code) || isAbsentSocket(current)) return true;
    if (SQLSTATE.test(code) && (RETRIABLE_STATES.has(code) || RETRIABLE_CLASSES.has(code.slice(0, 2)))) return true;
  }
  return false;
}

/** The five-character SQLSTATE of a server error (PostgreSQL manual, appendix A), or undefined. */
export function sqlState(error: unknown): string | undefined {
  const code = error instanceof Error ? codeOf(error) : undefined;
  return code !== undefined && SQLSTATE.test(code) ? code : undefined;
}

/** Gives the driver's nameless connection failures a code, so that nobody else has to compare its messages. */
export function named(error: unknown): unknown {
  if (!(error instanceof Error) || codeOf(error) !== undefined) return error;
  return DRIVER_CONNECTION_FAILURE.test(error.message)
    ? new PostgresError("CONNECTION_LOST", error.message, { cause: error })
    : error;
}

const SQLSTATE = /^[0-9A-Z]{5}$/;

// 08 connection exception, 53 insufficient resources, 58 system error of the server's machine.
const RETRIABLE_CLASSES: ReadonlySet<string> = new Set(["08", "53", "58"]);

const RETRIABLE_STATES: ReadonlySet<string> = new Set([
  "25006", // read-only transaction: a fail-over left this connection on a standby
  "25P03", // idle in transaction for too long: the server ended the session
  "25P04", // transaction time-out
  "40001", // serialization failure
  "40003", // statement completion unknown
  "40P01", // deadlock
  "55006", // object in use
  "55P03", // lock not available
  "57014", // cancelled by time-out or by an operator: says nothing about the statement
  "57P01", // administrator shut the session down
  "57P02", // server crashed and restarts
  "57P03", // server is starting up
  "57P05", // idle session time-out
]);

const NETWORK_CODES: ReadonlySet<string> = new Set([
  "ECONNABORTED",
  "ECONNREFUSED",
  "ECONNRESET",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ENOTFOUND",
  "EPIPE",
  "ETIMEDOUT",
]);

const DRIVER_CONNECTION_FAILURE =
  /^(Connection terminated|Client has encountered a connection error|Client was closed|timeout exceeded when trying to connect|timeout expired)/;

// The server's Unix socket is not there while it restarts. Any other missing file is somebody's mistake.
function isAbsentSocket(error: Error): boolean {
  const { code, syscall } = error as NodeJS.ErrnoException;
  return code === "ENOENT" && syscall === "connect";
}

function codeOf(error: Error): string | undefined {
  const { code } = error as { readonly code?: unknown };
  return typeof code === "string" ? code : undefined;
}
