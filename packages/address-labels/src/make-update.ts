// Makes an update out of labels and seals it: the work of those who publish labels, and not of a store.
import { closeSync, fsyncSync, openSync, readSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { crc32 } from "node:zlib";
import { ok, type Result } from "@sluice/core";
import { PAGE_BYTES } from "./format.ts";
import { makeHead, readUnsealedHead, type SealKey, sealHead, type UpdateContent, type UpdateHead } from "./head.ts";
import { keyOf } from "./key.ts";
import type { Label, Tier } from "./label.ts";
import { type LabelRefusal, refuseLabels } from "./refusals.ts";
import { openSegmentBuilder } from "./segment-builder.ts";
import type { InForce } from "./succession.ts";

export type Change = {
  readonly chain: string;
  readonly canonical: Uint8Array;
  readonly label: Omit<Label, "tier"> & { readonly tier: Tier | "removed" };
};

export type MadeUpdate = { readonly content: UpdateContent; readonly sha256: string; readonly twice: number };

/** Writes an unsealed update to `path`; of one address and source twice, the strictest tier stays. */
export function makeUpdate(options: {
  readonly path: string;
  readonly kind: "snapshot" | "delta";
  readonly follows: InForce | null;
  readonly madeAtMs: number;
  readonly changes: Iterable<Change>;
}): MadeUpdate {
  const { path, kind, follows, madeAtMs } = options;
  const version = (follows?.version ?? 0) + 1;
  const builder = openSegmentBuilder(path, dirname(path), crc32(`${kind} ${version} ${madeAtMs}`));
  try {
    for (const { chain, canonical, label } of options.changes) builder.add(keyOf(chain, canonical), label);
    const { content, twice } = builder.finish({ kind, version, previousSha256: follows?.sha256 ?? "", madeAtMs });
    const head = readUnsealedHead(makeHead(content));
    if (!head.ok) throw new Error(`an update that was just made does not read: ${head.refusal.detail}`);
    return { content, sha256: head.value.sha256, twice };
  } finally {
    builder.discard();
  }
}

/** Adds one signer's seal to an update, in its file. */
export function sealUpdate(path: string, signer: SealKey): Result<UpdateHead, LabelRefusal> {
  const file = openSync(path, "r+");
  try {
    const page = new Uint8Array(PAGE_BYTES);
    if (readSync(file, page, 0, PAGE_BYTES, 0) !== PAGE_BYTES) return refuseLabels("LABELS_MALFORMED", "no whole page");
    const sealed = sealHead(page, signer);
    if (!sealed.ok) return sealed;
    writeSync(file, sealed.value, 0, PAGE_BYTES, 0);
    fsyncSync(file);
    return readUnsealedHead(sealed.value);
  } finally {
    closeSync(file);
  }
}

/** What an update says of itself, before or after it is sealed. */
export function readUpdateHead(path: string): Result<UpdateHead, LabelRefusal> {
  const page = readPage(path);
  return page.ok ? readUnsealedHead(page.value) : page;
}

export function readPage(path: string): Result<Uint8Array, LabelRefusal> {
  const file = openSync(path, "r");
  try {
    const page = new Uint8Array(PAGE_BYTES);
    const read = readSync(file, page, 0, PAGE_BYTES, 0);
    return read === PAGE_BYTES ? ok(page) : refuseLabels("LABELS_MALFORMED", "no whole page");
  } finally {
    closeSync(file);
  }
}
