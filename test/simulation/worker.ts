// One thread of `pnpm simulate`: takes a range of seeds at a time and says what they came to.
import { parentPort } from "node:worker_threads";
import { tallyHistories } from "./tally.ts";

export type Range = { readonly first: number; readonly count: number };

parentPort?.on("message", ({ first, count }: Range) => {
  parentPort?.postMessage(tallyHistories(first, count));
});
