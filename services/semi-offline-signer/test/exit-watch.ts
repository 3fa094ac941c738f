// Traces a process and holds it at its very end, when it has done all that it does but its memory is still there.
// Arguments: process id. Says a line for each thing that happens, and waits for a line before it lets the process go.
import { readSync } from "node:fs";
import koffi from "koffi";

/** ptrace(2), by Linux's numbers. */
const PTRACE_CONT = 7;
const PTRACE_SEIZE = 0x4206;
const PTRACE_O_TRACEEXIT = 0x40;
const PTRACE_EVENT_EXIT = 6;
const PTRACE_EVENT_STOP = 128;
const WALL = 0x40000000;

const libc = koffi.load(null);
const ptrace = libc.func("ptrace", "long", ["long", "long", "intptr", "intptr"]) as (...values: number[]) => number;
const waitpid = libc.func("waitpid", "int", ["int", "int *", "int"]) as (p: number, s: Int32Array, o: number) => number;

const pid = Number(process.argv[2]);
const say = (line: string): void => void process.stdout.write(`${line}\n`);

if (ptrace(PTRACE_SEIZE, pid, 0, PTRACE_O_TRACEEXIT) !== 0) {
  say("refused");
  process.exit(1);
}
say("traced");
const word = new Int32Array(1);
while (waitpid(pid, word, WALL) === pid) {
  const [status = 0] = word;
  if ((status & 0xff) !== 0x7f) {
    say((status & 0x80) === 0 ? "gone without a core" : "gone with a core");
    break;
  }
  const event = status >> 16;
  if (event === PTRACE_EVENT_EXIT) {
    say("at its end");
    readSync(0, Buffer.alloc(1));
  }
  const signal = event === PTRACE_EVENT_EXIT || event === PTRACE_EVENT_STOP ? 0 : (status >> 8) & 0xff;
  ptrace(PTRACE_CONT, pid, 0, signal);
}
