// The long work of a store: taking in an update and merging segments. Done at once when it is small, else in a thread.
import { closeSync, openSync, readSync, statSync } from "node:fs";
import { Worker } from "node:worker_threads";
import { ok, type Result } from "@sluice/core";
import type { z } from "zod";
import { checkBody } from "./check-body.ts";
import { DISK, type Disk } from "./disk.ts";
import { PAGE_BYTES } from "./format.ts";
import { type labelSignersSchema, makeHead, openHead, readLabelSigners, readUnsealedHead } from "./head.ts";
import { mergeSegments } from "./merge.ts";
import { type LabelRefusal, LabelsBroken, refuseLabels } from "./refusals.ts";
import { type InForce, judgeUpdate } from "./succession.ts";

export type LabelSignersFile = z.output<typeof labelSignersSchema>;

/** Plain values: they may go to a thread. */
export type Job =
  | {
      readonly kind: "receive";
      readonly from: string;
      readonly to: string;
      readonly signers: LabelSignersFile;
      readonly inForce: InForce | null;
      readonly nowMs: number;
    }
  | { readonly kind: "merge"; readonly from: readonly string[]; readonly to: string; readonly keepRemovals: boolean };

/** What stands in the file that was made. */
export type Made = {
  readonly kind: "snapshot" | "delta" | "merged";
  readonly version: number;
  /** Of the content. */
  readonly sha256: string;
  readonly madeAtMs: number;
};

export type Run = (job: Job) => Promise<Result<Made, LabelRefusal>>;

/** Some milliseconds of work; a thread alone costs tens of them. */
const AT_ONCE_BYTES = 2_000_000;

export const runHere =
  (disk: Disk): Run =>
  async (job) =>
    doJob(job, disk);

/** Nobody waits for the event loop while gigabytes are read. */
export const runApart: Run = async (job) => {
  const from = job.kind === "receive" ? [job.from] : job.from;
  const bytes = from.reduce((sum, path) => sum + (statSync(path, { throwIfNoEntry: false })?.size ?? 0), 0);
  if (bytes <= AT_ONCE_BYTES) return doJob(job);
  const worker = new Worker(new URL("./job-thread.ts", import.meta.url), { workerData: job });
  return new Promise((resolve, reject) => {
    worker.once("message", resolve);
    worker.once("error", reject);
    worker.once("exit", () => reject(new Error("the thread of a store's work ended without an answer")));
  });
};

/** Leaves a whole and synced file, or none that counts. */
export function doJob(job: Job, disk: Disk = DISK): Result<Made, LabelRefusal> {
  try {
    return job.kind === "receive" ? receive(job, disk) : merge(job, disk);
  } catch (error) {
    if (!(error instanceof LabelsBroken)) throw error;
    disk.remove(job.to);
    return { ok: false, refusal: { code: error.code, detail: error.message } };
  }
}

/** Copied as it is checked: whoever changes the source afterwards changes nothing here. */
function receive(job: Extract<Job, { kind: "receive" }>, disk: Disk): Result<Made, LabelRefusal> {
  const file = openToRead(job.from);
  try {
    const page = new Uint8Array(PAGE_BYTES);
    if (readSync(file, page, 0, PAGE_BYTES, 0) !== PAGE_BYTES) return refuseLabels("LABELS_MALFORMED", "no whole page");
    const head = openHead(page, readLabelSigners(job.signers));
    if (!head.ok) return head;
    const refusal = judgeUpdate(head.value, job.inForce, job.nowMs);
    if (refusal !== null) return { ok: false, refusal };
    const copy = disk.create(job.to);
    try {
      disk.write(copy, page, 0);
      checkBody(file, head.value.content, (bytes, position) => disk.write(copy, bytes, position));
      disk.sync(copy);
    } finally {
      disk.close(copy);
    }
    const { kind, version, madeAtMs } = head.value.content;
    return ok({ kind, version, madeAtMs, sha256: head.value.sha256 });
  } finally {
    closeSync(file);
  }
}

function merge({ from, to, keepRemovals }: Extract<Job, { kind: "merge" }>, disk: Disk): Result<Made, LabelRefusal> {
  const content = mergeSegments(from, to, { keepRemovals, disk });
  const head = readUnsealedHead(makeHead(content));
  const { kind, version, madeAtMs } = content;
  return head.ok ? ok({ kind, version, madeAtMs, sha256: head.value.sha256 }) : head;
}

function openToRead(path: string): number {
  try {
    return openSync(path, "r");
  } catch {
    throw new LabelsBroken("LABELS_UNREADABLE", path);
  }
}
