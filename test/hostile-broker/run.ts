// `pnpm hostile-broker`: a load of withdrawals behind a broker in enemy hands, and the checker at the end.

import { inspect, parseArgs } from "node:util";
import { startParts } from "@sluice/devstack";
import { DEEDS } from "./deeds.ts";
import { runHostile } from "./hostile-run.ts";

/** 0 clean, 1 a violation or the run broke off, 2 wrong usage, 3 some deed was never done. */
const EXIT = { clean: 0, violated: 1, usage: 2, nothingFired: 3 } as const;

const USAGE = `usage: pnpm hostile-broker [--withdrawals N] [--seed S] [--per-second N]
  defaults: 300 withdrawals beside 10 of the control, seed 20261121, 10 withdrawals a second\n`;

const read = readArguments();
if (read === undefined) {
  process.stderr.write(USAGE);
  process.exit(EXIT.usage);
}
const log = (line: string): void => void process.stderr.write(`${new Date().toISOString()} ${line}\n`);
const parts = await startParts({ log });
try {
  const startedMs = performance.now();
  const result = await runHostile({ parts, log, untouched: 10, ...read });
  const seconds = Math.round((performance.now() - startedMs) / 1_000);
  process.stdout.write(`${JSON.stringify({ ...read, seconds, ...result }, undefined, 2)}\n`);
  const { control, attacked, faults } = result;
  const clean = control.violations.length + attacked.violations.length + faults.length === 0;
  const everyDeed = DEEDS.every((deed) => attacked.deeds[deed] > 0);
  process.exitCode = !clean ? EXIT.violated : everyDeed ? EXIT.clean : EXIT.nothingFired;
} catch (error) {
  log(`broke off: ${inspect(error)}`);
  process.exitCode = EXIT.violated;
} finally {
  await parts.stop();
}

function readArguments(): { readonly seed: number; readonly attacked: number; readonly perSecond: number } | undefined {
  try {
    const text = { type: "string" } as const;
    const { values } = parseArgs({ options: { withdrawals: text, seed: text, "per-second": text } });
    const whole = (given: string | undefined, otherwise: number): number => {
      if (given === undefined) return otherwise;
      if (!/^[1-9][0-9]{0,8}$/.test(given)) throw new RangeError("a whole number is needed");
      return Number(given);
    };
    return {
      attacked: whole(values.withdrawals, 300),
      seed: whole(values.seed, 20_261_121),
      perSecond: whole(values["per-second"], 10),
    };
  } catch {
    return undefined;
  }
}
