// The log of a process: one JSON object a line on stderr, written before the call returns, with secrets taken out.
import { type Logger as PinoLogger, pino } from "pino";
import { redacted, withoutPasswordsInUrls } from "./redaction.ts";

export type Logger = PinoLogger;

export type LogLevel = "trace" | "debug" | "info" | "warn" | "error" | "fatal" | "silent";

/**
 * Every line has `service`, `level`, `time` (ISO 8601, UTC) and `msg`. Writing is synchronous: the last line before an
 * exit or a crash is the one that matters most.
 */
export function createLogger({
  service,
  level = "info",
}: {
  readonly service: string;
  readonly level?: LogLevel;
}): Logger {
  return pino(
    {
      level,
      base: { service },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: {
        level: (label) => ({ level: label }),
        bindings: (bindings) => redacted(bindings),
        log: (fields) => redacted(fields),
      },
      hooks: { streamWrite: withoutPasswordsInUrls },
    },
    pino.destination({ fd: 2, sync: true }),
  );
}

/** What a line is about. The names are the same in every service, so that one search finds a withdrawal everywhere. */
export type LogContext = {
  readonly withdrawalId?: string;
  readonly transactionId?: string;
  readonly taskId?: string;
  readonly messageId?: string;
  readonly walletId?: string;
};

/** A logger whose lines all say what they are about. */
export function about(logger: Logger, context: LogContext): Logger {
  return logger.child(context);
}
