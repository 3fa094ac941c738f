// Lists as people and providers send them: CSV with a line of names, and one JSON object a line.
import { readLines } from "./lines.ts";
import { type BadRow, FIELDS, type Fields, type Loaded, readRow } from "./row.ts";

/** The first line names the columns, in any order; every one of them is needed. Quoted fields stay within their line (RFC 4180). */
export function* loadCsv(path: string, source: string, bad: BadRow[]): Loaded {
  let columns: readonly string[] | null = null;
  for (const { number, text } of readLines(path)) {
    const cells = splitCsv(text);
    if (columns === null) {
      const wrong = cells === null || cells.length !== FIELDS.length || FIELDS.some((name) => !cells.includes(name));
      if (wrong) return void bad.push({ line: number, rule: `HEADER_INVALID: the columns are ${FIELDS.join(", ")}` });
      columns = cells;
      continue;
    }
    if (cells === null || cells.length !== columns.length) {
      bad.push({ line: number, rule: `COLUMNS_INVALID: a row has ${columns.length} fields` });
      continue;
    }
    const named = columns.map((name, at) => [name, cells[at] ?? ""] as const);
    const change = readRow(Object.fromEntries(named) as Fields, source, number, bad);
    if (change !== null) yield change;
  }
  if (columns === null) bad.push({ line: 1, rule: "HEADER_INVALID: the file is empty" });
}

/** Null when a quote does not end where it has to. */
function splitCsv(text: string): readonly string[] | null {
  if (!text.includes('"')) return text.split(",");
  const cells: string[] = [];
  const cell = /(?:"((?:[^"]|"")*)"|([^",]*))(,|$)/y;
  for (;;) {
    const found = cell.exec(text);
    if (found === null) return null;
    const [, quoted, plain = "", end] = found;
    cells.push(quoted === undefined ? plain : quoted.replaceAll('""', '"'));
    if (end === "") return cells;
  }
}

export function* loadNdjson(path: string, source: string, bad: BadRow[]): Loaded {
  for (const { number, text } of readLines(path)) {
    if (text.trim() === "") continue;
    const fields = readObject(text);
    if (typeof fields === "string") {
      bad.push({ line: number, rule: fields });
      continue;
    }
    const change = readRow(fields, source, number, bad);
    if (change !== null) yield change;
  }
}

function readObject(text: string): Fields | string {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return "JSON_INVALID: a line is one JSON object";
  }
  if (typeof value !== "object" || value === null || Array.isArray(value))
    return "JSON_INVALID: a line is one JSON object";
  const unknown = Object.keys(value).find((name) => !FIELDS.some((field) => field === name));
  if (unknown !== undefined) return "FIELD_UNKNOWN: there is a field that no label has";
  const texts = Object.entries(value).map(([name, field]) => [name, typeof field === "number" ? String(field) : field]);
  if (texts.some(([, field]) => typeof field !== "string"))
    return "FIELD_INVALID: fields are texts, or a number for confidence";
  return Object.fromEntries(texts) as Fields;
}
