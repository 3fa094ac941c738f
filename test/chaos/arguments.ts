// What `pnpm chaos` was asked to do.
import { parseArgs } from "node:util";
import type { ChaosOptions } from "./chaos.ts";

export const USAGE = `usage: pnpm chaos [--kills N] [--withdrawals N] [--seed S] [--pauses N] [--zombies N] [--cuts N]
                  [--per-second N] [--history FILE] [--logs FOLDER] [--json]
       pnpm chaos --clocks [--seed S] [--history FILE] [--logs FOLDER] [--json]
  defaults: 40 kills, 300 withdrawals, a seed of the clock, a pause and a cut for every four kills, a zombie (a pause
  that outlasts the Kafka session) for every twenty, 6 withdrawals a second
  --clocks instead has every process go by every wrong clock
  --history writes the whole history as JSON, --logs keeps the processes' logs, --json prints the result as one document
  exit codes: 0 clean, 1 a violation or the run broke off, 2 wrong usage, 3 no fault fired`;

export type Arguments = {
  readonly what: "kills" | "clocks";
  readonly options: Omit<ChaosOptions, "log" | "logsTo" | "afterwards">;
  readonly json: boolean;
  readonly historyFile: string | undefined;
  readonly logsTo: string | undefined;
};

/** Undefined for anything that is not understood. */
export function readArguments(argv: readonly string[], nowMs: number): Arguments | undefined {
  const text = { type: "string" } as const;
  const flag = { type: "boolean", default: false } as const;
  try {
    const { values } = parseArgs({
      args: [...argv],
      options: {
        ...{ kills: text, withdrawals: text, seed: text, pauses: text, zombies: text, cuts: text },
        ...{ "per-second": text, history: text, logs: text, json: flag, clocks: flag },
      },
    });
    const kills = whole(values.kills, 40);
    const zombies = whole(values.zombies, Math.floor(kills / 20));
    const options = {
      seed: whole(values.seed, nowMs % 1_000_000_000),
      kills,
      withdrawals: whole(values.withdrawals, 300),
      // Zombies are pauses too.
      pauses: whole(values.pauses, Math.floor(kills / 4)) + zombies,
      zombies,
      cuts: whole(values.cuts, Math.floor(kills / 4)),
      perSecond: whole(values["per-second"], 6),
    };
    if (options.withdrawals < 1 || options.perSecond < 1) return undefined;
    const what = values.clocks ? "clocks" : "kills";
    return { what, options, json: values.json, historyFile: values.history, logsTo: values.logs };
  } catch {
    return undefined;
  }
}

function whole(given: string | undefined, otherwise: number): number {
  if (given === undefined) return otherwise;
  if (!/^[0-9]{1,9}$/.test(given)) throw new RangeError("a whole number is needed");
  return Number(given);
}
