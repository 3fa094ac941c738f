// Takes secrets out of what is logged, at any depth: by the name of the field, by being raw bytes, by standing in a URL.
import { pino } from "pino";

type Fields = Record<string, unknown>;

/** A copy of the fields fit for a log line: secrets, bytes, depth and length cut, bigint as decimal text. */
export function redacted(fields: object): Fields {
  return fieldsOf(fields, 0);
}

/** postgres://name:password@host → postgres://name:[redacted]@host, wherever in a line it stands. */
export function withoutPasswordsInUrls(line: string): string {
  return line.replace(/(:\/\/[^\s:@/"]*):[^\s@/"]+@/g, "$1:[redacted]@");
}

const SECRET_FIELD =
  /passw(or)?d|passphrase|secret|private_?key|mnemonic|seed|xprv|authorization|cookie|token|credential|^shares?$/i;

const DEEPEST = 6;
const LONGEST_ARRAY = 100;

function fieldsOf(fields: object, depth: number): Fields {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [
      name,
      SECRET_FIELD.test(name) ? "[redacted]" : plain(value, depth + 1),
    ]),
  );
}

function plain(value: unknown, depth: number): unknown {
  if (typeof value === "bigint") return value.toString();
  if (typeof value !== "object" || value === null) return value;
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return `<${value.byteLength} bytes>`;
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? "<no date>" : value.toISOString();
  if (value instanceof URL) return value.href;
  if (depth > DEEPEST) return "<deep>";
  if (value instanceof Error) return fieldsOf(pino.stdSerializers.err(value), depth);
  if (value instanceof Map || value instanceof Set) return plain([...value], depth);
  if (Array.isArray(value)) return value.slice(0, LONGEST_ARRAY).map((item) => plain(item, depth + 1));
  return fieldsOf(value, depth);
}
