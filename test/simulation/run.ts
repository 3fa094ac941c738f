// `pnpm simulate`: many seeded histories of a simulated deployment, over several threads. Exit 0 clean, 1 violated, 2 usage.
import { parseArgs } from "node:util";
import { Worker } from "node:worker_threads";
import { BUGS, type Bug } from "./bugs.ts";
import { runHistory, shortestPrefix } from "./history.ts";
import { addTally, emptyTally, type Tally } from "./tally.ts";
import type { Range } from "./worker.ts";

const USAGE = `pnpm simulate [--histories N] [--seed S] [--threads N] [--json]
pnpm simulate --seed S --trace [--bug NAME]
  --trace prints one history step by step; --bug plants one of: ${Object.keys(BUGS).join("; ")}
`;
const AT_ONCE = 500;
const PROGRESS_EVERY_MS = 5_000;

const options = readOptions();
if (options === null) {
  process.stderr.write(USAGE);
  process.exitCode = 2;
} else if (options.trace) traceOne(options.seed, options.bug);
else await runAll(options);

type Options = {
  readonly histories: number;
  readonly seed: number;
  readonly threads: number;
  readonly json: boolean;
  readonly trace: boolean;
  readonly bug: Bug;
};

function readOptions(): Options | null {
  try {
    const { values } = parseArgs({
      options: {
        histories: { type: "string", default: "1000000" },
        seed: { type: "string", default: "1" },
        threads: { type: "string", default: "2" },
        json: { type: "boolean", default: false },
        trace: { type: "boolean", default: false },
        bug: { type: "string", default: "none" },
      },
    });
    const [histories, seed, threads] = [Number(values.histories), Number(values.seed), Number(values.threads)];
    const whole = [histories, seed, threads].every((value) => Number.isSafeInteger(value) && value >= 0);
    const bug = values.bug === "none" || Object.hasOwn(BUGS, values.bug) ? (values.bug as Bug) : null;
    const isGood = whole && histories > 0 && threads > 0 && bug !== null && (values.trace || bug === "none");
    return isGood ? { histories, seed, threads, json: values.json, trace: values.trace, bug } : null;
  } catch {
    return null;
  }
}

function traceOne(seed: number, bug: Bug): void {
  const { trace, violation, steps, states } = runHistory(seed, { bug, traced: true });
  process.stdout.write(`${trace.join("\n")}\n${steps} steps; ${states.join(", ")}\n`);
  process.exitCode = violation === null ? 0 : 1;
}

async function runAll({ histories, seed, threads, json }: Options): Promise<void> {
  const beganMs = performance.now();
  const total = emptyTally();
  let next = seed;
  let toldMs = beganMs;
  const take = (): Range | null => {
    const count = Math.min(AT_ONCE, seed + histories - next);
    if (count <= 0 || total.violations.length > 0) return null;
    next += count;
    return { first: next - count, count };
  };
  const heard = (tally: Tally) => {
    addTally(total, tally);
    if (performance.now() - toldMs < PROGRESS_EVERY_MS) return;
    toldMs = performance.now();
    const perSecond = Math.round((total.histories / (toldMs - beganMs)) * 1_000);
    process.stderr.write(`simulate: ${total.histories} of ${histories}, ${perSecond} a second\n`);
  };
  await Promise.all(Array.from({ length: threads }, () => runThread(take, heard)));
  const seconds = (performance.now() - beganMs) / 1_000;
  const violations = total.violations.toSorted((a, b) => a.seed - b.seed);
  process.stdout.write(
    json ? `${JSON.stringify({ ...total, violations, seed, threads, seconds })}\n` : tell(total, seed, seconds),
  );
  const [first] = violations;
  if (first === undefined) return;
  process.exitCode = 1;
  const { chaosSteps, trace } = shortestPrefix(first.seed);
  process.stderr.write(`${trace.join("\n")}\n`);
  process.stderr.write(`seed ${first.seed}, after ${chaosSteps} steps of chaos: ${first.detail}\n`);
}

function runThread(take: () => Range | null, heard: (tally: Tally) => void): Promise<void> {
  const worker = new Worker(new URL("./worker.ts", import.meta.url));
  return new Promise((resolve, reject) => {
    const more = () => {
      const range = take();
      if (range === null) void worker.terminate();
      else worker.postMessage(range);
    };
    worker.on("message", (tally: Tally) => {
      heard(tally);
      more();
    });
    worker.on("error", reject);
    worker.on("exit", () => resolve());
    more();
  });
}

function tell(total: Tally, seed: number, seconds: number): string {
  const { histories, steps, withdrawals, completed } = total;
  const mean = (count: number) => (count / histories).toFixed(1);
  const faults = Object.values(total.faults).reduce((sum, times) => sum + times, 0);
  const byKind = (counts: Readonly<Record<string, number>>) =>
    Object.entries(counts)
      .toSorted(([, a], [, b]) => b - a)
      .map(([kind, times]) => `  ${String(times).padStart(10)} ${kind}\n`)
      .join("");
  return `simulate: ${histories} histories from seed ${seed}, ${total.violations.length} violations, ${seconds.toFixed(0)} s
mean: ${mean(steps)} steps, ${mean(withdrawals)} withdrawals, ${mean(completed)} transactions signed, ${mean(faults)} faults
withdrawals that ended as
${byKind(total.states)}faults that fired
${byKind(total.faults)}`;
}
