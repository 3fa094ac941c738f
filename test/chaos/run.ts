// `pnpm chaos`: kills, pauses and cuts, or wrong clocks, under a load of withdrawals, and the checker at the end.
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type Arguments, readArguments, USAGE } from "./arguments.ts";
import { runChaos } from "./chaos.ts";
import { EVERY_ROUND, runClocks } from "./clocks.ts";
import { EXIT, exitOf, renderClocks, renderReport, summaryOf } from "./report.ts";

// Hundreds of starts run the same code: what one process has compiled the next ones find.
process.env["NODE_COMPILE_CACHE"] ??= fileURLToPath(new URL("../../node_modules/.cache/compiled", import.meta.url));

/** In `--clocks`: enough for a batch, and long enough for it to reach the chain where it can. */
const PER_ROUND = 10;
const WRONG_FOR_MS = 6_000;

const log = (line: string): void => void process.stderr.write(`${new Date().toISOString()} ${line}\n`);
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => process.exit(EXIT.violated));
const given = readArguments(process.argv.slice(2), Date.now());
if (given === undefined) {
  process.stderr.write(`${USAGE}\n`);
  process.exit(EXIT.usage);
}
try {
  process.exitCode = given.what === "clocks" ? await clocks(given) : await kills(given);
} catch (error) {
  log(`chaos broke off: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  process.exitCode = EXIT.violated;
}

async function kills({ options, json, historyFile, logsTo }: Arguments): Promise<number> {
  const { history, ...result } = await runChaos({ ...options, log, ...(logsTo === undefined ? {} : { logsTo }) });
  if (historyFile !== undefined) writeFileSync(historyFile, JSON.stringify(history));
  tell(json ? { ...result, summary: summaryOf(result) } : renderReport(result));
  return exitOf(result);
}

async function clocks({ options: { seed }, json, historyFile, logsTo }: Arguments): Promise<number> {
  const { history, ...result } = await runClocks({
    ...{ seed, rounds: EVERY_ROUND, perRound: PER_ROUND, wrongForMs: WRONG_FOR_MS, ownParts: true, log },
    ...(logsTo === undefined ? {} : { logsTo }),
  });
  if (historyFile !== undefined) writeFileSync(historyFile, JSON.stringify(history));
  tell(json ? result : renderClocks(seed, result));
  return exitOf({ violations: result.violations, fired: { skew: { clocks: result.skewed } } });
}

function tell(said: string | object): void {
  process.stdout.write(typeof said === "string" ? said : `${JSON.stringify(said)}\n`);
}
