// `pnpm fuzz`: ten million inputs for the parsers that an enemy's bytes reach, over two threads. Exit 1 when one breaks something.
import { parseArgs } from "node:util";
import { Worker } from "node:worker_threads";
import { storeCrash } from "./crashes.ts";
import type { Counts, Target } from "./fuzz-target.ts";
import type { Share, Work, WorkerNews } from "./worker.ts";

const THREADS = 2;

const options = await readArguments();
if (options === undefined) {
  process.stderr.write("pnpm fuzz [--target NAME] [--inputs N] [--seed S], with a name out of test/fuzz/targets.ts\n");
  process.exit(64);
}
const { table, targets, inputs, seed, crashFolder } = options;
process.stdout.write(`fuzz: ${inputs} inputs, seed ${seed}, ${THREADS} threads\n`);
const beganMs = performance.now();
let done = 0;
let nextTell = 0;
const counts = (await Promise.all(sharesOf(targets, inputs, seed).map(run))).flat();
for (const { name } of targets)
  tell(
    name,
    counts.filter(({ target }) => target === name),
  );
const total = counts.reduce((sum, one) => sum + one.inputs, 0);
const crashes = counts.flatMap(({ crash }) => crash ?? []);
const accepted = counts.reduce((sum, one) => sum + one.accepted, 0);
const seconds = Math.round((performance.now() - beganMs) / 1_000);
process.stdout.write(
  `fuzz: ${total} inputs, ${accepted} accepted, ${crashes.length} crashes, ${seconds} s, seed ${seed}\n`,
);
for (const crash of crashes)
  process.stdout.write(`CRASH ${crash.target}: ${storeCrash(crash, crashFolder)}\n${crash.error}\n`);
process.exit(crashes.length === 0 ? 0 : 1);

interface Options {
  readonly table: string;
  readonly targets: readonly Target[];
  readonly inputs: number;
  readonly seed: number;
  readonly crashFolder: string | undefined;
}

async function readArguments(): Promise<Options | undefined> {
  try {
    const { values } = parseArgs({
      options: {
        target: { type: "string" },
        inputs: { type: "string", default: "10000000" },
        // Another table and another folder are for the test of this command.
        table: { type: "string", default: "./targets.ts" },
        crashes: { type: "string" },
        seed: { type: "string", default: String(Date.now() % 2 ** 31) },
      },
    });
    const { TARGETS } = (await import(values.table)) as { readonly TARGETS: readonly Target[] };
    const chosen = values.target === undefined ? TARGETS : TARGETS.filter(({ name }) => name === values.target);
    const [inputs, seed] = [Number(values.inputs), Number(values.seed)];
    const isGood = chosen.length > 0 && Number.isSafeInteger(inputs) && inputs > 0 && Number.isSafeInteger(seed);
    const { table, crashes } = values;
    return isGood ? { table, targets: chosen, inputs, seed, crashFolder: crashes } : undefined;
  } catch {
    return undefined;
  }
}

/** Every target is fuzzed in every thread, each with a seed of its own, so that both end at about the same time. */
function sharesOf(targets: readonly Target[], inputs: number, seed: number): readonly (readonly Share[])[] {
  const all = targets.reduce((sum, { share }) => sum + share, 0);
  return Array.from({ length: THREADS }, (_, thread) =>
    targets.map(({ name, share }, index) => ({
      target: name,
      seed: seed + 1_000 * thread + index,
      inputs: Math.ceil((inputs * share) / all / THREADS),
    })),
  );
}

function run(shares: readonly Share[]): Promise<readonly Counts[]> {
  const results: Counts[] = [];
  const work: Work = { table, shares };
  const worker = new Worker(new URL("./worker.ts", import.meta.url), { workerData: work });
  return new Promise((resolve, reject) => {
    worker.on("message", (news: WorkerNews) => {
      if (news.kind === "done") results.push(news.counts);
      else progress(news.inputs);
    });
    worker.on("error", reject);
    worker.on("exit", () => resolve(results));
  });
}

function progress(more: number): void {
  done += more;
  if (performance.now() < nextTell) return;
  nextTell = performance.now() + 5_000;
  process.stdout.write(`  ${done} of ${inputs} (${Math.floor((100 * done) / inputs)} %)\n`);
}

function tell(name: string, parts: readonly Counts[]): void {
  const refused = new Map<string, number>();
  for (const part of parts)
    for (const [reason, count] of Object.entries(part.refused)) refused.set(reason, (refused.get(reason) ?? 0) + count);
  const sum = (of: (part: Counts) => number): number => parts.reduce((all, part) => all + of(part), 0);
  const slowestMs = Math.max(...parts.map((part) => part.slowestMs));
  process.stdout.write(
    `${name}: ${sum(({ inputs: own }) => own)} inputs, ${sum(({ accepted }) => accepted)} accepted, refused ${JSON.stringify(
      Object.fromEntries([...refused].toSorted(([, a], [, b]) => b - a)),
    )}, slowest ${slowestMs} ms\n`,
  );
}
