// Validates a part of a request against its zod schema, and turns every issue into a field, a rule and a stable code.
import type { FastifySchemaCompiler } from "fastify";
import type { z } from "zod";
import { type FieldError, Problem, SERVER_PROBLEMS } from "./problem.ts";

/** Fastify validates path, body, query and headers in this order; the first part with a fault answers, with all its faults. */
export const validatorCompiler: FastifySchemaCompiler<z.ZodType> = ({ schema, httpPart }) => {
  return (data: unknown) => {
    const read = schema.safeParse(data);
    if (read.success) return { value: read.data };
    // Where there is no body, Fastify says null. A body that is the word null comes this way too.
    if (httpPart === "body" && data === null && schema.safeParse(undefined).success) return { value: undefined };
    const errors = fieldErrors(read.error, data, PREFIXES[httpPart ?? "body"] ?? []);
    return { error: new Problem({ ...SERVER_PROBLEMS.REQUEST_INVALID, detail: inWords(errors), errors }) };
  };
};

const PREFIXES: Readonly<Record<string, readonly string[]>> = {
  body: [],
  querystring: ["query"],
  params: ["path"],
  headers: ["header"],
};

/** More than this many faults help nobody, and a hostile body can hold any number. */
const MOST_ERRORS = 50;
const LONGEST_FIELD = 200;

/** The faults of a value, also for a service that validates something itself. */
export function fieldErrors(error: z.ZodError, data: unknown, prefix: readonly string[] = []): readonly FieldError[] {
  const errors = error.issues.flatMap((issue): readonly FieldError[] => {
    const at = (path: readonly PropertyKey[]) => [...prefix, ...path.map(String)].join(".").slice(0, LONGEST_FIELD);
    if (issue.code !== "unrecognized_keys") {
      const code = codeOf(issue, data);
      return [{ field: at(issue.path), rule: code === "FIELD_MISSING" ? "is missing" : issue.message, code }];
    }
    return issue.keys.map((key) => ({
      field: at([...issue.path, key]),
      rule: "is not known here",
      code: "FIELD_UNKNOWN",
    }));
  });
  return errors.slice(0, MOST_ERRORS);
}

function codeOf(issue: z.core.$ZodIssue, data: unknown): string {
  switch (issue.code) {
    case "invalid_type":
      return valueAt(data, issue.path) === undefined ? "FIELD_MISSING" : "FIELD_TYPE";
    case "invalid_format":
      return "FIELD_FORMAT";
    case "too_small":
      return "FIELD_TOO_SMALL";
    case "too_big":
      return "FIELD_TOO_BIG";
    case "invalid_value":
      return valueAt(data, issue.path) === undefined ? "FIELD_MISSING" : "FIELD_NOT_ALLOWED";
    case "custom":
      return ownCode(issue.params?.["code"]) ?? "FIELD_INVALID";
    default:
      return "FIELD_INVALID";
  }
}

/** A schema's own rule gives its code as `params: { code: "ADDRESS_CHECKSUM" }`. */
function ownCode(code: unknown): string | null {
  return typeof code === "string" && /^[A-Z][A-Z0-9_]*$/.test(code) ? code : null;
}

function valueAt(data: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>((value, key) => {
    return typeof value === "object" && value !== null && Object.hasOwn(value, key)
      ? value[key as keyof typeof value]
      : undefined;
  }, data);
}

function inWords(errors: readonly FieldError[]): string {
  const [first, ...rest] = errors;
  if (first === undefined) return SERVER_PROBLEMS.REQUEST_INVALID.title;
  const more = rest.length === 0 ? "" : ` (and ${rest.length} more)`;
  return `${first.field === "" ? "the body" : first.field}: ${first.rule}${more}`;
}
