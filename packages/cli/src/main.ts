// The command `sluice`: finds the subcommand, prints what it says, and exits with a code that means something.
import { createInterface } from "node:readline/promises";
import { COMMANDS } from "./commands/index.ts";
import { runCommand } from "./run-command.ts";

// A reader that has seen enough and went away is no fault of the command.
for (const stream of [process.stdout, process.stderr]) stream.on("error", () => {});

process.exitCode = await runCommand(COMMANDS, process.argv.slice(2), {
  stdout: (line) => void process.stdout.write(`${line}\n`),
  stderr: (line) => void process.stderr.write(`${line}\n`),
  ask,
});

/** On stderr, so that stdout stays what was asked for. */
async function ask(question: string): Promise<string> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  const closed = new Promise<string>((resolve) => terminal.once("close", () => resolve("")));
  try {
    return await Promise.race([terminal.question(question), closed]);
  } finally {
    terminal.close();
  }
}
