// What a subcommand is: its words, its options, and what it has to say in the end. Printing and exit codes are not its job.
import type { ParseArgsConfig } from "node:util";
import type { JsonObject } from "@sluice/console";

/** After <sysexits.h>, like the exit codes of the processes. */
export const EXIT = { done: 0, usage: 64, refused: 65, unavailable: 69, broken: 70 } as const;

export type Values = Readonly<Record<string, string | boolean | readonly (string | boolean)[] | undefined>>;

export type Outcome =
  /** `lines` for people; `json` for `--json`. */
  | { readonly kind: "done"; readonly lines: readonly string[]; readonly json: JsonObject }
  /** Something said no: every reason with its code. */
  | { readonly kind: "refused"; readonly faults: readonly Fault[] }
  /** Nobody is there to ask. */
  | { readonly kind: "unavailable"; readonly faults: readonly Fault[] };

export type Fault = { readonly code: string; readonly message: string };

export type Command = {
  /** One or two words: "holder status". */
  readonly name: string;
  readonly summary: string;
  /** Its options in plain words, one line each. */
  readonly usage: readonly string[];
  /** `--json` and `--help` are everybody's. */
  readonly options: NonNullable<ParseArgsConfig["options"]>;
  /** Words without a name, in this order; they come with the options, under these names. */
  readonly positionals?: readonly string[];
  readonly run: (values: Values, say: (line: string) => void) => Promise<Outcome>;
};

/** Thrown by `run` for arguments that do not make sense; the usage is shown. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

export function requiredText(values: Values, name: string): string {
  const value = values[name];
  if (typeof value !== "string" || value === "") throw new UsageError(`--${name} is needed`);
  return value;
}
