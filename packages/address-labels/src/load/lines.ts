// Reads a file line by line without waiting and without holding it in memory.
import { closeSync, openSync, readSync } from "node:fs";

const CHUNK_BYTES = 1 << 20;
/** Longer lines than this are no rows of a list. */
const LINE_MAX = 1 << 20;

export type Line = { readonly number: number; readonly text: string };

/** Without its line end (LF or CRLF); numbers begin with 1. A line that is too long is given up with a text that says so. */
export function* readLines(path: string): Generator<Line> {
  const file = openSync(path, "r");
  const decoder = new TextDecoder("utf-8");
  const chunk = new Uint8Array(CHUNK_BYTES);
  let number = 0;
  let rest = "";
  try {
    for (;;) {
      const read = readSync(file, chunk);
      rest += read === 0 ? decoder.decode() : decoder.decode(chunk.subarray(0, read), { stream: true });
      const lines = rest.split("\n");
      rest = read === 0 ? "" : (lines.pop() ?? "");
      if (rest.length > LINE_MAX)
        throw new Error(`line ${number + lines.length + 1} is longer than ${LINE_MAX} characters`);
      for (const line of lines) {
        number += 1;
        const text = line.endsWith("\r") ? line.slice(0, -1) : line;
        if (read !== 0 || text !== "") yield { number, text: number === 1 ? text.replace(/^\uFEFF/, "") : text };
      }
      if (read === 0) return;
    }
  } finally {
    closeSync(file);
  }
}
