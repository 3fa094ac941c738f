// sluice labels import, build, sign: lists become an update of labels, which people seal.
import { existsSync, rmSync } from "node:fs";
import {
  type BadRow,
  type Change,
  LIST_FORMATS,
  type List,
  type ListFormat,
  loadList,
  makeUpdate,
  readUpdateHead,
  sealUpdate,
} from "@sluice/address-labels";
import { type Command, type Outcome, requiredText, UsageError, type Values } from "../command.ts";
import { readPrivateKey, refusedWith } from "./bundle-files.ts";

/** More are counted and not listed. */
const MOST_LISTED = 50;

const MAKING = { out: { type: "string" }, after: { type: "string" }, since: { type: "string" } } as const;
const AFTER = "--after FILE   the update that this one follows; without it this is version 1";
const SINCE = "--since DATE   the date of a list without dates of its own (ofac); today if it is not given";
const OUT = "--out FILE   the new update, not sealed; nothing is left of it when any row is refused";

export const labelsImport: Command = {
  name: "labels import",
  summary: "makes a delta of labels from one list; with --before, what its source does not name any more is removed",
  usage: [
    `--file FILE   the list`,
    `--format ${LIST_FORMATS.join("|")}   what it is`,
    "--source NAME   who says so; 1 to 64 of a-z 0-9 . _ : -",
    "--before FILE   the same source's list of last time, in the same format",
    ...[AFTER, SINCE, OUT],
  ],
  options: {
    ...{ file: { type: "string" }, format: { type: "string" }, source: { type: "string" }, before: { type: "string" } },
    ...MAKING,
  },
  run: async (values) => {
    const { format, source, since } = listOf(requiredText(values, "format"), requiredText(values, "source"), values);
    const path = readable(requiredText(values, "file"));
    const list: List = { format, source, since, path };
    const before = typeof values["before"] === "string" ? { ...list, path: readable(values["before"]) } : null;
    return make("delta", values, (bad) => changed(list, before, bad));
  },
};

export const labelsBuild: Command = {
  name: "labels build",
  summary: "makes a snapshot, which is all the labels there are, from any number of lists",
  usage: [`--list FORMAT:SOURCE:FILE   a list (${LIST_FORMATS.join(", ")}); once for each`, AFTER, SINCE, OUT],
  options: { list: { type: "string", multiple: true }, ...MAKING },
  run: async (values) => {
    const given = values["list"];
    if (!Array.isArray(given) || given.length === 0) throw new UsageError("--list is needed");
    const lists = given.map((text): List => {
      const [, format = "", source = "", path = ""] = /^([^:]*):([^:]*):(.+)$/.exec(String(text)) ?? [];
      return { ...listOf(format, source, values), path: readable(path) };
    });
    return make("snapshot", values, function* (bad) {
      for (const list of lists) yield* loadList(list, bad);
    });
  },
};

export const labelsSign: Command = {
  name: "labels sign",
  summary: "adds one signer's seal to an update of labels, in its file",
  usage: [
    "--update FILE   the update",
    "--key-id ID   the signer's, as pinned where labels are used",
    "--key FILE   the signer's private key (PEM)",
  ],
  options: { update: { type: "string" }, "key-id": { type: "string" }, key: { type: "string" } },
  run: async (values) => {
    const file = readable(requiredText(values, "update"));
    const keyId = requiredText(values, "key-id");
    const sealed = sealUpdate(file, { keyId, privateKey: readPrivateKey(requiredText(values, "key")) });
    if (!sealed.ok) return refusedWith(sealed.refusal);
    const { kind, version, body } = sealed.value.content;
    return {
      kind: "done",
      lines: [
        `${file}: ${kind} ${version} with ${body.records} records is sealed by ${sealed.value.signedBy.join(", ")}`,
      ],
      json: { file, version, records: body.records, signedBy: [...sealed.value.signedBy] },
    };
  },
};

/** All that is said now, and a removal for each address that was named before and is not any more. */
function* changed(list: List, before: List | null, bad: BadRow[]): Generator<Change> {
  const named = new Set<string>();
  const idOf = ({ chain, canonical }: Change) => `${chain} ${Buffer.from(canonical).toString("hex")}`;
  for (const change of loadList(list, bad)) {
    if (before !== null) named.add(idOf(change));
    yield change;
  }
  if (before === null) return;
  for (const change of loadList(before, bad)) {
    if (!named.has(idOf(change))) yield { ...change, label: { ...change.label, tier: "removed" } };
  }
}

function make(kind: "snapshot" | "delta", values: Values, changes: (bad: BadRow[]) => Iterable<Change>): Outcome {
  const path = requiredText(values, "out");
  if (existsSync(path)) throw new UsageError(`${path} is there already`);
  const follows = followed(values["after"]);
  if (follows !== null && "code" in follows) return refusedWith(follows);
  const bad: BadRow[] = [];
  const made = makeUpdate({ path, kind, follows, madeAtMs: Date.now(), changes: changes(bad) });
  if (bad.length > 0) {
    rmSync(path);
    const faults = bad
      .slice(0, MOST_LISTED)
      .map(({ line, rule }) => ({ code: "ROW_REFUSED", message: `line ${line}: ${rule}` }));
    const more = bad.length - faults.length;
    const rest = more > 0 ? [{ code: "ROW_REFUSED", message: `and ${more} more` }] : [];
    return { kind: "refused", faults: [...faults, ...rest] };
  }
  const { content, sha256, twice } = made;
  const lines = [
    `${path}: ${kind} ${content.version} with ${content.body.records} records, not sealed`,
    `sha256 ${sha256}`,
    `follows ${content.previousSha256 === "" ? "nothing" : content.previousSha256}`,
  ];
  if (twice > 0) lines.push(`${twice} times an address was named again by one source: the strictest tier stands`);
  return {
    kind: "done",
    lines,
    json: { path, kind, version: content.version, records: content.body.records, sha256, twice },
  };
}

function followed(after: Values[string]) {
  if (typeof after !== "string") return null;
  const head = readUpdateHead(readable(after));
  return head.ok ? { version: head.value.content.version, sha256: head.value.sha256 } : head.refusal;
}

function listOf(format: string, source: string, values: Values): Omit<List, "path"> {
  if (!isFormat(format)) throw new UsageError(`a format is one of ${LIST_FORMATS.join(", ")}`);
  if (!/^[a-z0-9][a-z0-9._:-]{0,63}$/.test(source)) throw new UsageError("a source is 1 to 64 of a-z 0-9 . _ : -");
  const since = typeof values["since"] === "string" ? values["since"] : new Date().toISOString().slice(0, 10);
  return { format, source, since };
}

function isFormat(text: string): text is ListFormat {
  return LIST_FORMATS.some((format) => format === text);
}

function readable(path: string): string {
  if (path !== "" && existsSync(path)) return path;
  throw new UsageError(`${path === "" ? "a file" : path} is not there`);
}
