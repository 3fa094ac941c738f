// Takes this process's memory out of the reach of others: not dumpable, no core file, no new privileges.
import koffi from "koffi";

/** Linux's prctl(2) and setrlimit(2), by their numbers on x86-64 and aarch64 alike. */
const PR_GET_DUMPABLE = 3;
const PR_SET_DUMPABLE = 4;
const PR_SET_NO_NEW_PRIVS = 38;
const RLIMIT_CORE = 4;

/**
 * Not dumpable means: no other process of this user may read this one's memory, environment or descriptors or trace it,
 * and the kernel writes no core and starts no program that core_pattern pipes one into. A resource limit alone would
 * leave those programs. It holds for this process from here on; a new program image (execve) would be dumpable again,
 * so nobody who starts this process can do it for it.
 * @returns what could not be had, as sentences; empty when all of it is in force
 */
export function hardenProcess(): readonly string[] {
  if (process.platform !== "linux") return ["this is not Linux: nothing is known here that closes its memory"];
  const { prctl, setrlimit } = systemCalls();
  prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  const limited = setrlimit(RLIMIT_CORE, new BigUint64Array([0n, 0n])) === 0;
  const unprivileged = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) === 0;
  return [
    ...(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) === 0 ? [] : ["dumpable cannot be cleared"]),
    ...(limited ? [] : ["the size of a core file cannot be limited to nothing"]),
    ...(unprivileged ? [] : ["new privileges cannot be forbidden"]),
  ];
}

function systemCalls() {
  const libc = koffi.load(null);
  return {
    prctl: libc.func("prctl", "int", ["int", ...Array<string>(4).fill("unsigned long")]) as (
      ...values: readonly number[]
    ) => number,
    setrlimit: libc.func("setrlimit", "int", ["int", "const uint64_t *"]) as (
      resource: number,
      limit: BigUint64Array,
    ) => number,
  };
}
