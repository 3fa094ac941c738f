// Schemas of single settings, as text from the environment. Their messages state the rule and never repeat the value.
import { readFileSync, statSync } from "node:fs";
import { isAbsolute } from "node:path";
import { z } from "zod";

/** A TCP port; 0 lets the system choose one. */
export function port() {
  return whole({ min: 0, max: 65_535 });
}

/** A whole number within bounds, both included. */
export function whole({ min, max }: { readonly min: number; readonly max: number }) {
  const rule = `is a whole number from ${min} to ${max}`;
  return z
    .string()
    .regex(/^-?[0-9]{1,15}$/, rule)
    .transform(Number)
    .refine((value) => value >= min && value <= max, rule);
}

/** A whole number of minor units, as bigint. */
export function minorUnits() {
  const rule = "is a whole number of minor units, without sign or leading zero";
  return z
    .string()
    .regex(/^(0|[1-9][0-9]{0,29})$/, rule)
    .transform(BigInt);
}

/** true or false, spelt like that. */
export function flag() {
  return z.enum(["true", "false"], "is true or false").transform((text) => text === "true");
}

/** An address with one of the given schemes ("https:"). A password in it is refused: it belongs into the secrets. */
export function url({ protocols }: { readonly protocols: readonly string[] }) {
  return z.string().superRefine((text, context) => {
    const address = URL.canParse(text) ? new URL(text) : null;
    if (address === null || !protocols.includes(address.protocol)) {
      context.addIssue({ code: "custom", message: `is an address that begins with ${protocols.join(" or ")}` });
    } else if (address.password !== "" || address.searchParams.has("password")) {
      context.addIssue({ code: "custom", message: "carries a password: it belongs into the secrets" });
    }
  });
}

/** Values with commas between them; at least one, none blank, none twice. Each is read by `item`. */
export function list<S extends z.ZodType<unknown, string>>(item: S) {
  return z
    .string()
    .transform((text) => text.split(",").map((part) => part.trim()))
    .refine((parts) => parts.every((part) => part !== ""), "is a list with commas between values that are not blank")
    .refine((parts) => new Set(parts).size === parts.length, "is a list that names nothing twice")
    .pipe(z.array(item));
}

/** host:port, as brokers are named. */
export function hostAndPort() {
  return z.string().regex(/^(\[[0-9A-Fa-f:]+\]|[A-Za-z0-9._-]+):[0-9]{1,5}$/, "is host:port");
}

/** A length of time such as 250ms, 30s, 5m, 2h or 1d, in milliseconds; a bare number is milliseconds. */
export function durationMs() {
  return z
    .string()
    .regex(/^[0-9]{1,12}(ms|s|m|h|d)?$/, "is a length of time such as 250ms, 30s, 5m, 2h or 1d")
    .transform((text) => {
      const [, digits = "", unit = "ms"] = /^([0-9]+)([a-z]*)$/.exec(text) ?? [];
      return Number(digits) * (MILLISECONDS[unit] ?? 1);
    });
}

const MILLISECONDS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** The absolute path of a directory that is there. */
export function directory() {
  return z.string().refine((path) => isAbsolute(path) && statSync(path, { throwIfNoEntry: false })?.isDirectory(), {
    message: "is the absolute path of a directory that exists",
  });
}

/** An absolute path; whether something is there is for whoever uses it to say. */
export function path() {
  return z.string().refine(isAbsolute, { message: "is an absolute path" });
}

/** What a reader elsewhere makes of the text, or the rule that it says is broken. */
export function parsed<T>(read: (text: string) => Parsed<T>) {
  return z.string().transform((text, context): T => {
    const outcome = read(text);
    if (outcome.ok) return outcome.value;
    context.addIssue({ code: "custom", message: outcome.rule });
    return z.NEVER;
  });
}

export type Parsed<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly rule: string };

/** Network interfaces by name, with commas between them. */
export function interfaceNames() {
  return list(z.string().regex(/^[A-Za-z0-9_.-]{1,15}$/, "is the name of a network interface"));
}

/** Where readSecrets reads from: fd:N or an absolute path. */
export function secretsSource() {
  return z.string().refine((text) => /^fd:[0-9]+$/.test(text) || isAbsolute(text), {
    message: "is fd:N (an open descriptor) or the absolute path of a file",
  });
}

/** The path of a text file; its content is the value. */
export function textFile() {
  return z.string().transform((file, context): string => {
    const content = readText(file);
    if (content.ok) return content.value;
    context.addIssue({ code: "custom", message: content.rule });
    return z.NEVER;
  });
}

/** The path of a JSON file; its content, validated, is the value, and its faults are among the setting's faults. */
export function jsonFile<S extends z.ZodType>(schema: S) {
  return z.string().transform((file, context): z.output<S> => {
    const content = readJson(file);
    if (!content.ok) {
      context.addIssue({ code: "custom", message: content.rule });
      return z.NEVER;
    }
    const read = schema.safeParse(content.value);
    if (read.success) return read.data;
    for (const { path, message } of read.error.issues) context.addIssue({ code: "custom", message, path: [...path] });
    return z.NEVER;
  });
}

/** The parser's own message would show a piece of the content, so it is not passed on. */
function readJson(file: string): Parsed<unknown> {
  const text = readText(file);
  if (!text.ok) return text;
  try {
    return { ok: true, value: JSON.parse(text.value) };
  } catch {
    return { ok: false, rule: "is the path of a file whose content is JSON" };
  }
}

function readText(file: string): Parsed<string> {
  try {
    return { ok: true, value: readFileSync(file, "utf8") };
  } catch (error) {
    const reason = error instanceof Error && "code" in error ? ` (${String(error.code)})` : "";
    return { ok: false, rule: `is the path of a file that can be read${reason}` };
  }
}

export function logLevel() {
  return z.enum(["trace", "debug", "info", "warn", "error", "fatal", "silent"]);
}
