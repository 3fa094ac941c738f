// A policy as it is written: YAML 1.2 (so JSON too), strictly read, with every fault by line and field; and what it is known by.
import { createHash } from "node:crypto";
import type { BitcoinNetwork } from "@sluice/chains";
import { type Document, isAlias, isCollection, isMap, isNode, isScalar, LineCounter, parseDocument } from "yaml";
import type { z } from "zod";
import { type Policy, type PolicyFile, policyFileSchema, readPolicy } from "./policy.ts";

export type PolicyFault = {
  /** From 1; null where there is no place for it. */
  readonly line: number | null;
  /** Such as accountWindows.0.maxMinor; empty for the whole. */
  readonly field: string;
  readonly rule: string;
};

export type WrittenPolicy = {
  readonly text: string;
  /** Of what it says, in hexadecimal: comments, order and spelling do not matter. */
  readonly sha256: string;
  readonly policy: Policy;
};

/** Right in itself; whether its addresses are of a network is asked next. */
export type ParsedPolicy = Pick<WrittenPolicy, "text" | "sha256"> & {
  readonly file: PolicyFile;
  readonly lineOf: (path: readonly PropertyKey[]) => number | null;
};

export type ReadText<T = WrittenPolicy> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly faults: readonly [PolicyFault, ...PolicyFault[]] };

/** Far more than any policy needs, and little enough to be read. */
export const LARGEST_POLICY_CHARACTERS = 4 * 1024 * 1024;
const DEEPEST = 16;
/** So many faults are told of: enough to mend, and each costs looking for its line. */
const MOST_FAULTS = 50;

export function readPolicyText(text: string, network: BitcoinNetwork): ReadText {
  const parsed = parsePolicyText(text);
  return parsed.ok ? readParsedPolicy(parsed.value, network) : parsed;
}

export function readParsedPolicy({ text, sha256, file, lineOf }: ParsedPolicy, network: BitcoinNetwork): ReadText {
  const policy = readPolicy(file, network);
  if (!("faults" in policy)) return { ok: true, value: { text, sha256, policy } };
  return refused(policy.faults.map(({ path, rule }) => ({ field: path.join("."), rule, line: lineOf(path) })));
}

export function parsePolicyText(text: string): ReadText<ParsedPolicy> {
  if (text.length > LARGEST_POLICY_CHARACTERS) {
    return refused([{ line: null, field: "", rule: `has more than ${LARGEST_POLICY_CHARACTERS} characters` }]);
  }
  const lines = new LineCounter();
  const document = parse(text, lines);
  if (document === null) return refused([{ line: null, field: "", rule: "is nested too deeply" }]);
  const unread = [...syntaxFaults(document, lines), ...strictFaults(document, lines)];
  if (unread.length > 0) return refused(unread);
  const data: unknown = document.toJS({ maxAliasCount: 0 });
  const checked = policyFileSchema.safeParse(data);
  if (!checked.success)
    return refused(checked.error.issues.slice(0, MOST_FAULTS).flatMap((issue) => ofIssue(document, lines, issue, [])));
  const place = (path: readonly PropertyKey[]) => lineOf(document, lines, path);
  return { ok: true, value: { text, sha256: sha256Of(data), file: checked.data, lineOf: place } };
}

/** One line for people. */
export function sayFault({ line, field, rule }: PolicyFault): string {
  return `${line === null ? "" : `line ${line}: `}${field === "" ? "" : `${field}: `}${rule}`;
}

/** Of the content with its names in order. What a later version of this code would fill in is no part of it. */
function sha256Of(data: unknown): string {
  return createHash("sha256")
    .update(JSON.stringify(inOrder(data)))
    .digest("hex");
}

function inOrder(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(inOrder);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).toSorted(([left], [right]) => (left < right ? -1 : 1));
  return Object.fromEntries(entries.map(([name, one]) => [name, inOrder(one)]));
}

function refused(faults: readonly PolicyFault[]): ReadText<never> {
  const [first, ...rest] = faults.slice(0, MOST_FAULTS);
  if (first === undefined) throw new Error("a policy is refused without a fault");
  return { ok: false, faults: [first, ...rest] };
}

/** Null when it is nested so deeply that the parser gives up. Names are looked for twice below, in less time. */
function parse(text: string, lineCounter: LineCounter): Document | null {
  try {
    return parseDocument(text, { version: "1.2", schema: "core", uniqueKeys: false, prettyErrors: false, lineCounter });
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}

function syntaxFaults(document: Document, lines: LineCounter): readonly PolicyFault[] {
  const at = (position: number) => (lines.lineStarts.length === 0 ? 1 : lines.linePos(position).line);
  const faults = [...document.errors, ...document.warnings].slice(0, MOST_FAULTS).map(({ pos, code }) => {
    return { line: at(pos[0]), field: "", rule: `is no YAML that is taken here (${code})` };
  });
  const { yaml } = document.directives ?? {};
  return yaml?.explicit
    ? [...faults, { line: 1, field: "", rule: "has a %YAML directive; it is read as 1.2" }]
    : faults;
}

/** What YAML could do and a policy does not: references, tags, names that are no text, names twice. */
function strictFaults(document: Document, lines: LineCounter): readonly PolicyFault[] {
  const faults: PolicyFault[] = [];
  look(document.contents, [], 0);
  return faults;

  function look(node: unknown, path: readonly string[], depth: number): void {
    if (!isNode(node) || faults.length >= MOST_FAULTS) return;
    const line = node.range ? lines.linePos(node.range[0]).line : null;
    const fault = (rule: string) => void faults.push({ line, field: path.join("."), rule });
    if (depth > DEEPEST) fault("is nested too deeply");
    if (isAlias(node)) fault("is a reference (*), and these are not used in a policy");
    if (depth > DEEPEST || isAlias(node)) return;
    if (node.anchor !== undefined) fault("has an anchor (&), and these are not used in a policy");
    if (node.tag !== undefined) {
      fault("has a tag (!), and these are not used in a policy");
    }
    if (!isCollection(node)) return;
    const seen = new Set<string>();
    for (const [index, item] of node.items.entries()) {
      if (!isMap(node)) {
        look(item, [...path, String(index)], depth + 1);
        continue;
      }
      const { key, value } = item as { readonly key: unknown; readonly value: unknown };
      const name = isScalar(key) && typeof key.value === "string" ? key.value : null;
      if (name === null) {
        fault("has a name that is no text");
        continue;
      }
      look(key, [...path, name], depth + 1);
      if (seen.has(name)) {
        const line = isNode(key) && key.range ? lines.linePos(key.range[0]).line : null;
        faults.push({ line, field: [...path, name].join("."), rule: "is there twice" });
      }
      seen.add(name);
      look(value, [...path, name], depth + 1);
    }
  }
}

type Issue = z.core.$ZodIssue;

/** Of several shapes that would do, the one that is nearest to what is there says what is missing. */
function ofIssue(
  document: Document,
  lines: LineCounter,
  issue: Issue,
  above: readonly PropertyKey[],
): readonly PolicyFault[] {
  const path = [...above, ...issue.path];
  if (issue.code === "invalid_union" && issue.errors.length > 0) {
    const nearest = issue.errors.reduce((best, next) => (depthOf(next) > depthOf(best) ? next : best));
    if (nearest.length > 0) return nearest.flatMap((one) => ofIssue(document, lines, one, path));
  }
  if (issue.code === "unrecognized_keys") {
    return issue.keys.slice(0, MOST_FAULTS).map((name) => ({
      line: lineOf(document, lines, [...path, name]),
      field: [...path, name].map(String).join("."),
      rule: "is not known here",
    }));
  }
  const found = document.getIn(path, true);
  const isNumber = isScalar(found) && typeof found.value === "number";
  const isQuoteMissing = issue.code === "invalid_type" && issue.expected === "string" && isNumber;
  const rule = isQuoteMissing ? 'is a number where text is asked for: write it in quotes, as "1000"' : issue.message;
  return [{ line: lineOf(document, lines, path), field: path.map(String).join("."), rule }];
}

/** How far a shape fits: one whose faults lie further inside is nearer; among equals, one with fewer faults. */
function depthOf(issues: readonly Issue[]): number {
  const deepest = Math.max(0, ...issues.map(({ path }) => path.length));
  return deepest - issues.length / 1_000;
}

/** Where a field stands, or what it would stand in. */
function lineOf(document: Document, lines: LineCounter, path: readonly PropertyKey[]): number | null {
  for (let length = path.length; length >= 0; length -= 1) {
    const at = document.getIn(path.slice(0, length), true);
    if (isNode(at) && at.range) return lines.linePos(at.range[0]).line;
  }
  return null;
}
