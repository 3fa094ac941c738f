// One run: words to a subcommand, arguments to its options, its outcome to text or JSON and an exit code.
import { parseArgs } from "node:util";
import { type Ask, type Command, EXIT, type Fault, type Outcome, UsageError, type Values } from "./command.ts";

export type Output = {
  readonly stdout: (line: string) => void;
  readonly stderr: (line: string) => void;
  /** Absent where nobody is there to be asked. */
  readonly ask?: Ask;
};

export async function runCommand(
  commands: readonly Command[],
  given: readonly string[],
  output: Output,
): Promise<number> {
  const found = findCommand(commands, given);
  if (found === undefined) return explain(commands, given, output);
  const { command, rest } = found;
  let values: Values;
  try {
    values = readArguments(command, rest);
  } catch (error) {
    return misused(command, error, output);
  }
  if (values["help"] === true) {
    for (const line of helpOf(command)) output.stdout(line);
    return EXIT.done;
  }
  try {
    return tell(
      await command.run(values, output.stderr, output.ask ?? (async () => "")),
      values["json"] === true,
      output,
    );
  } catch (error) {
    if (error instanceof UsageError) return misused(command, error, output);
    output.stderr(`${command.name} broke: ${error instanceof Error ? error.message : String(error)}`);
    return EXIT.broken;
  }
}

/** Two words before one: "ceremony rehearse" is not "ceremony" with an argument. */
function findCommand(commands: readonly Command[], given: readonly string[]) {
  for (const words of [2, 1]) {
    const command = commands.find(({ name }) => name === given.slice(0, words).join(" "));
    if (command !== undefined) return { command, rest: given.slice(words) };
  }
  return undefined;
}

function readArguments(command: Command, rest: readonly string[]): Values {
  const names = command.positionals ?? [];
  const { values, positionals } = parseArgs({
    args: [...rest],
    options: { ...command.options, json: { type: "boolean" }, help: { type: "boolean", short: "h" } },
    allowPositionals: names.length > 0,
  });
  const extra = positionals[names.length];
  if (extra !== undefined) throw new UsageError(`unexpected: ${extra}`);
  return { ...values, ...Object.fromEntries(positionals.map((word, at) => [names[at], word])) };
}

function tell(outcome: Outcome, json: boolean, { stdout, stderr }: Output): number {
  switch (outcome.kind) {
    case "done":
      if (json) stdout(JSON.stringify({ ok: true, ...outcome.json }));
      else for (const line of outcome.lines) stdout(line);
      return EXIT.done;
    case "refused":
    case "unavailable":
      if (json) stdout(JSON.stringify({ ok: false, faults: outcome.faults }));
      else for (const fault of outcome.faults) stderr(lineOf(fault));
      return EXIT[outcome.kind];
    default:
      return outcome satisfies never;
  }
}

function lineOf({ code, message }: Fault): string {
  return `${code}: ${message}`;
}

function misused(command: Command, error: unknown, { stderr }: Output): number {
  stderr(error instanceof Error ? error.message : String(error));
  for (const line of helpOf(command)) stderr(line);
  return EXIT.usage;
}

function explain(commands: readonly Command[], given: readonly string[], { stdout, stderr }: Output): number {
  const asked = given.length === 1 && (given[0] === "--help" || given[0] === "-h" || given[0] === "help");
  const say = asked ? stdout : stderr;
  if (!asked && given.length > 0) say(`no such command: ${given.slice(0, 2).join(" ")}`);
  say("usage: sluice COMMAND [options]     sluice COMMAND --help");
  const width = Math.max(...commands.map(({ name }) => name.length));
  for (const { name, summary } of commands) say(`  ${name.padEnd(width)}  ${summary}`);
  return asked ? EXIT.done : EXIT.usage;
}

function helpOf({ name, summary, usage, positionals = [] }: Command): readonly string[] {
  return [
    `usage: sluice ${[name, ...positionals.map((word) => word.toUpperCase())].join(" ")} [options]`,
    `  ${summary}`,
    ...usage.map((line) => `  ${line}`),
    "  --json   one line of JSON on stdout instead of text",
    "exit codes: 0 done, 64 wrong arguments, 65 refused (with its code), 69 nobody there to ask, 70 broken",
  ];
}
