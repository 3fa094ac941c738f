// A log that keeps its lines, so that a test can read what the server wrote.
import type { FastifyBaseLogger } from "../src/index.ts";

export type LogLine = { readonly level: string; readonly fields: object; readonly message: string };

export function collectedLog(): { readonly logger: FastifyBaseLogger; readonly lines: readonly LogLine[] } {
  const lines: LogLine[] = [];
  const write = (level: string) => (first: unknown, message?: unknown) => {
    const fields = typeof first === "object" && first !== null ? first : {};
    lines.push({ level, fields, message: String(message ?? (typeof first === "string" ? first : "")) });
  };
  const logger: FastifyBaseLogger = {
    level: "trace",
    trace: write("trace"),
    debug: write("debug"),
    info: write("info"),
    warn: write("warn"),
    error: write("error"),
    fatal: write("fatal"),
    silent: () => {},
    child: () => logger,
  };
  return { logger, lines };
}
