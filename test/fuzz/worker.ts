// One thread of a long run: fuzzes the targets that it is given, one after the other, and says how far it is.
import { parentPort, workerData } from "node:worker_threads";
import { type Counts, fuzzTarget, type Target } from "./fuzz-target.ts";

export interface Share {
  readonly target: string;
  readonly seed: number;
  readonly inputs: number;
}

export interface Work {
  /** The module that exports `TARGETS`. */
  readonly table: string;
  readonly shares: readonly Share[];
}

export type WorkerNews =
  | { readonly kind: "progress"; readonly inputs: number }
  | { readonly kind: "done"; readonly counts: Counts };

const tell = (news: WorkerNews): void => parentPort?.postMessage(news);

const { table, shares } = workerData as Work;
const { TARGETS } = (await import(table)) as { readonly TARGETS: readonly Target[] };
for (const { target: name, seed, inputs } of shares) {
  const target = TARGETS.find((one) => one.name === name);
  if (target === undefined) throw new Error(`no target is called ${name}`);
  let told = 0;
  const onProgress = (done: number): void => {
    tell({ kind: "progress", inputs: done - told });
    told = done;
  };
  const counts = fuzzTarget(target, { seed, inputs, onProgress });
  tell({ kind: "progress", inputs: counts.inputs - told });
  tell({ kind: "done", counts });
}
