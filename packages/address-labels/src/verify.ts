// The whole check of one update or of all segments of a store: every byte is read.
import { closeSync, openSync } from "node:fs";
import { join } from "node:path";
import { ok, type Result } from "@sluice/core";
import { checkBody } from "./check-body.ts";
import { type LabelSigners, openHead, type UpdateHead } from "./head.ts";
import { readPage, readUpdateHead } from "./make-update.ts";
import { readManifest } from "./manifest.ts";
import { type LabelRefusal, LabelsBroken } from "./refusals.ts";

/** Without its seals, which only those who pinned the signers can judge. */
export function checkLabels(path: string): Result<UpdateHead, LabelRefusal> {
  const head = readUpdateHead(path);
  if (!head.ok) return head;
  const file = openSync(path, "r");
  try {
    checkBody(file, head.value.content);
    return ok(head.value);
  } catch (error) {
    if (error instanceof LabelsBroken) return { ok: false, refusal: { code: error.code, detail: error.message } };
    throw error;
  } finally {
    closeSync(file);
  }
}

/** By its seals alone; its bytes are another question. */
export function openUpdate(path: string, signers: LabelSigners): Result<UpdateHead, LabelRefusal> {
  const page = readPage(path);
  return page.ok ? openHead(page.value, signers) : page;
}

/** @throws LabelsBroken at the first byte of the store that is not whole */
export function checkStore(directory: string): {
  readonly version: number;
  readonly records: number;
  readonly segments: number;
} {
  const { manifest } = readManifest(directory);
  if (manifest === null) throw new LabelsBroken("LABELS_STORE_EMPTY", directory);
  let records = 0;
  for (const { file, sha256 } of manifest.segments) {
    const checked = checkLabels(join(directory, file));
    if (!checked.ok) throw new LabelsBroken(checked.refusal.code, `${file}: ${checked.refusal.detail}`);
    if (checked.value.sha256 !== sha256) throw new LabelsBroken("LABELS_STORE_DAMAGED", `${file} is another segment`);
    records += checked.value.content.body.records;
  }
  return { version: manifest.version, records, segments: manifest.segments.length };
}
