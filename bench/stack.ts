// What the processes of a whole stack cost in processor time: to start, to wait for work, and to pay. `pnpm bench:stack`.
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { type ProcessName, START_ORDER, type Stack, startParts, startStack } from "@sluice/devstack";

const IDLE_MS = 20_000;
const WITHDRAWALS = 10;
/** Of the kernel's counters (USER_HZ, the same on every Linux). */
const TICK_MS = 10;

const log = (line: string): void => void process.stderr.write(`${line}\n`);
const directory = await mkdtemp(join(tmpdir(), "sluice-bench-"));
const parts = await startParts({ log });
try {
  const stack = await startStack({ parts, directory, log });
  try {
    const started = await used(stack);
    print("to be ready", new Map(), started);
    await delay(IDLE_MS);
    const waited = await used(stack);
    print(`${IDLE_MS / 1_000} s without work`, started, waited);
    await pay(stack);
    print(`${WITHDRAWALS} withdrawals`, waited, await used(stack));
  } finally {
    await stack.stop();
  }
} finally {
  await parts.stop();
  await rm(directory, { recursive: true, force: true });
}

type Used = ReadonlyMap<ProcessName, number>;

/** Milliseconds of processor time, in user and in kernel mode, that each process has used so far (proc_pid_stat(5)). */
async function used(stack: Stack): Promise<Used> {
  const each = START_ORDER.map(async (name) => {
    const text = await readFile(`/proc/${stack.processOf(name).pid}/stat`, "utf8");
    // After the name in brackets, which may hold spaces, the fields are numbered from 3; utime and stime are 14 and 15.
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    return [name, (Number(fields[11]) + Number(fields[12])) * TICK_MS] as const;
  });
  return new Map(await Promise.all(each));
}

function print(what: string, before: Used, after: Used): void {
  const each = [...after].map(([name, ms]) => [name, ms - (before.get(name) ?? 0)] as const);
  const total = each.reduce((sum, [, ms]) => sum + ms, 0);
  const words = each.map(([name, ms]) => `${name} ${ms}`).join(", ");
  process.stdout.write(`${what}: ${total} ms of processor time (${words})\n`);
}

async function pay({ fund, chain, client }: Stack): Promise<void> {
  await fund([30_000_000n, 20_000_000n, 10_000_000n]);
  const ids = Array.from({ length: WITHDRAWALS }, (_, at) => `bench-${at}`);
  for (const id of ids) {
    await client.createWithdrawal({
      ...{ id, account: "bench", asset: "BTC", amount: 100_000n },
      address: await chain.newAddress(),
    });
  }
  const mining = setInterval(() => void chain.mine(1).catch(() => undefined), 500);
  try {
    for (const id of ids) await client.waitFor(id, ["completed"], { signal: AbortSignal.timeout(60_000) });
  } finally {
    clearInterval(mining);
  }
}
