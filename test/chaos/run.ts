// `pnpm chaos`: kills, pauses and cuts under a load of withdrawals, and the checker at the end.
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { type ChaosOptions, runChaos } from "./chaos.ts";
import { renderReport, summaryOf } from "./report.ts";

/** 0 clean, 1 a violation or the run broke off, 2 wrong usage, 3 no fault fired. */
const EXIT = { clean: 0, violated: 1, usage: 2, nothingFired: 3 } as const;

const USAGE = `usage: pnpm chaos [--kills N] [--withdrawals N] [--seed S] [--pauses N] [--zombies N] [--cuts N]
                  [--per-second N] [--history FILE] [--logs FOLDER] [--json]
  defaults: 40 kills, 300 withdrawals, a seed of the clock, a pause and a cut for every four kills,
  a zombie (a pause that outlasts the Kafka session) for every twenty, 6 withdrawals a second
  --history writes the whole history as JSON, --logs keeps the processes' logs; --json prints the result as one JSON document instead of words`;

const log = (line: string): void => void process.stderr.write(`${new Date().toISOString()} ${line}\n`);
const read = readArguments();
if (read === undefined) {
  process.stderr.write(`${USAGE}\n`);
  process.exit(EXIT.usage);
}
const { json, historyFile, logsTo, ...options } = read;
try {
  const result = await runChaos({ ...options, log, ...(logsTo === undefined ? {} : { logsTo }) });
  const { history, ...rest } = result;
  if (historyFile !== undefined) writeFileSync(historyFile, JSON.stringify(history));
  if (json) process.stdout.write(`${JSON.stringify({ ...rest, summary: summaryOf(result) })}\n`);
  else process.stdout.write(renderReport(result));
  const total = Object.values(result.fired).flatMap((by) => Object.values(by)).length;
  process.exitCode = result.violations.length > 0 ? EXIT.violated : total === 0 ? EXIT.nothingFired : EXIT.clean;
} catch (error) {
  log(`chaos broke off: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  process.exitCode = EXIT.violated;
}

type Arguments = Omit<ChaosOptions, "log" | "logsTo" | "afterwards"> & {
  readonly json: boolean;
  readonly historyFile: string | undefined;
  readonly logsTo: string | undefined;
};

function readArguments(): Arguments | undefined {
  try {
    const text = { type: "string" } as const;
    const { values } = parseArgs({
      options: {
        ...{ kills: text, withdrawals: text, seed: text, pauses: text, zombies: text, cuts: text, history: text },
        "per-second": text,
        logs: text,
        json: { type: "boolean", default: false },
      },
    });
    const whole = (given: string | undefined, otherwise: number): number => {
      if (given === undefined) return otherwise;
      if (!/^[0-9]{1,9}$/.test(given)) throw new RangeError("a whole number is needed");
      return Number(given);
    };
    const kills = whole(values.kills, 40);
    const zombies = whole(values.zombies, Math.floor(kills / 20));
    const pauses = Math.max(whole(values.pauses, Math.floor(kills / 4)), zombies);
    const withdrawals = whole(values.withdrawals, 300);
    const perSecond = whole(values["per-second"], 6);
    if (withdrawals < 1 || perSecond < 1) throw new RangeError("at least one is needed");
    const cuts = whole(values.cuts, Math.floor(kills / 4));
    const seed = whole(values.seed, Date.now() % 1_000_000_000);
    return {
      seed,
      kills,
      withdrawals,
      pauses,
      zombies,
      cuts,
      perSecond,
      json: values.json,
      historyFile: values.history,
      logsTo: values.logs,
    };
  } catch {
    return undefined;
  }
}
