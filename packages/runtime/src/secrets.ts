// Reads a process's secrets once, from an inherited descriptor or a private file; never from environment or arguments.
import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import type { z } from "zod";
import { ConfigError } from "./config.ts";

/**
 * Reads a JSON object from `source` and validates it. "fd:N" is an inherited descriptor: it is read to its end and
 * closed, so a second reading fails. Anything else is the path of a regular file that neither group nor others may
 * read. Nothing of the content ever appears in a fault, only names and rules.
 *
 * @throws ConfigError with all faults
 */
export function readSecrets<S extends z.ZodType>(schema: S, source: string): z.output<S> {
  const bytes = readSource(source);
  try {
    const read = schema.safeParse(parse(bytes, source));
    if (read.success) return read.data;
    throw new ConfigError(
      read.error.issues.map(({ path, message }) => ({
        name: ["secrets", ...path.map(String)].join("."),
        rule: message,
      })),
    );
  } finally {
    bytes.fill(0);
  }
}

const LONGEST_BYTES = 1024 * 1024;

function readSource(source: string): Buffer {
  const descriptor = /^fd:([0-9]+)$/.exec(source)?.[1];
  if (descriptor !== undefined) return readAndClose(Number(descriptor), source);
  const fd = openPrivate(source);
  return readAndClose(fd, source);
}

/** The mode is asked of the open file, not of the path, so that it cannot be another file by the time it is read. */
function openPrivate(path: string): number {
  const fd = orFault(path, () => openSync(path, constants.O_RDONLY | constants.O_NONBLOCK));
  const status = fstatSync(fd);
  const rule = !status.isFile()
    ? "is not a regular file"
    : (status.mode & 0o077) !== 0
      ? "may be read by group or others: make it mode 0600 or 0400"
      : null;
  if (rule === null) return fd;
  closeSync(fd);
  throw fault(path, rule);
}

function readAndClose(fd: number, source: string): Buffer {
  const bytes = Buffer.alloc(LONGEST_BYTES);
  try {
    let length = 0;
    for (let count = -1; count !== 0; length += count) {
      if (length === LONGEST_BYTES) throw fault(source, "is longer than 1 MiB");
      count = orFault(source, () => readPatiently(fd, bytes, length));
    }
    return bytes.subarray(0, length);
  } finally {
    closeQuietly(fd);
  }
}

/** A descriptor that somebody made non-blocking answers EAGAIN until its writer has written: wait and ask again. */
function readPatiently(fd: number, bytes: Buffer, offset: number): number {
  for (;;) {
    try {
      return readSync(fd, bytes, offset, LONGEST_BYTES - offset, null);
    } catch (error) {
      if (codeOf(error) !== "EAGAIN") throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
    }
  }
}

function orFault(source: string, read: () => number): number {
  try {
    return read();
  } catch (error) {
    throw fault(source, `cannot be read (${codeOf(error)})`);
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "UNKNOWN";
}

function fault(source: string, rule: string): ConfigError {
  return new ConfigError([{ name: `secrets (${source})`, rule }]);
}

function closeQuietly(fd: number): void {
  try {
    closeSync(fd);
  } catch {
    // It was never open; the fault about reading it says so already.
  }
}

function parse(bytes: Buffer, source: string): unknown {
  try {
    return JSON.parse(bytes.toString("utf8"));
  } catch {
    throw fault(source, "is not JSON");
  }
}
