// The whole check of one update or of all segments of a store: every byte is read.
import { closeSync, openSync } from "node:fs";
import { ok, type Result } from "@sluice/core";
import { checkBody } from "./check-body.ts";
import type { UpdateHead } from "./head.ts";
import { readUpdateHead } from "./make-update.ts";
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
