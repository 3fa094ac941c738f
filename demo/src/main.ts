// The demo: five withdrawals through every process on real parts, narrated; the end is read back from services and node.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Label, type Parts, type Regtest, type Stack, startParts, startStack } from "@sluice/devstack";
import { approveHeld } from "./approve.ts";
import { describeIsolation } from "./isolation.ts";
import { type DemoWithdrawal, expectations, summaryLine, TWO_PEOPLE_ABOVE_SAT } from "./scenario.ts";
import { renderTable } from "./table.ts";
import { verifyOutcome } from "./verify.ts";
import { watch } from "./watch.ts";

const startedAtMs = Date.now();
const say = (line = ""): void => void process.stdout.write(`${line}\n`);
const progress = (line: string): void => say(`  [${seconds().padStart(5)} s] ${line}`);

const interrupted = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => interrupted.abort(new Error(signal)));

process.exitCode = await demo().catch((error: unknown) => {
  process.stderr.write(`demo failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  return 1;
});

async function demo(): Promise<number> {
  say("Sluice: five withdrawals, from a signed request to a confirmed payment");
  say();
  const directory = await mkdtemp(join(tmpdir(), "sluice-demo-"));
  let parts: Parts | undefined;
  let stack: Stack | undefined;
  let lines: readonly string[];
  let good: boolean;
  try {
    say("Starting the real parts");
    parts = await startParts({ log: progress, bitcoindPeers: [{}] });
    say("Starting the services, each a process of its own");
    const labelled: { online: string; offline: string } = { online: "", offline: "" };
    stack = await startStack({
      parts,
      directory,
      log: progress,
      policies: async (chain) => {
        labelled.online = await chain.newAddress();
        labelled.offline = await chain.newAddress();
        return {
          onlineLabels: [label(labelled.online, "sanctions", "on the list of the online side")],
          offlineLabels: [label(labelled.offline, "theft", "on the list that only the semi-offline side has")],
          ...twoPeopleApproveLarge(),
        };
      },
    });
    for (const line of describeIsolation(stack)) progress(line);
    interrupted.signal.throwIfAborted();
    ({ lines, good } = await play(stack, labelled));
    say("Looking at the zone once more, now that withdrawals went through it");
    for (const line of describeIsolation(stack)) progress(line);
  } finally {
    say("Stopping");
    await stack?.stop();
    await parts?.stop();
    await rm(directory, { recursive: true, force: true });
  }
  progress("everything is stopped and removed");
  say();
  for (const line of lines) say(line);
  return good ? 0 : 1;
}

async function play(
  stack: Stack,
  labelled: { readonly online: string; readonly offline: string },
): Promise<{ readonly lines: readonly string[]; readonly good: boolean }> {
  say("Funding the 2-of-3 hot wallet");
  await stack.fund([60_000_000n, 40_000_000n, 25_000_000n]);
  progress("three coins, 1.25 BTC in all, are in a block");
  say("Posting the withdrawals, each signed by the exchange backend's key");
  const withdrawals = await scenario(stack.chain, labelled);
  for (const { request } of withdrawals) {
    await stack.client.createWithdrawal(request);
    progress(`${request.id}: posted, ${request.amount} satoshi to ${request.address}`);
  }
  say("Two people decide about what is held");
  await approveHeld(stack, withdrawals, progress, interrupted.signal);
  const ended = await watch(stack, withdrawals, progress, interrupted.signal);
  say("Reading back what the services say, and checking it against the node");
  const outcomes = await Promise.all(ended.map((details, at) => verifyOutcome(stack, withdrawals[at], details)));
  for (const fault of outcomes.flatMap(({ faults }) => faults)) progress(`WRONG: ${fault}`);
  const good = outcomes.every(({ faults }) => faults.length === 0);
  if (good) progress("every payment is on the chain with its exact amount; nothing else was paid");
  return { lines: [renderTable(outcomes), "", summaryLine(outcomes)], good };
}

async function scenario(
  chain: Regtest,
  labelled: { readonly online: string; readonly offline: string },
): Promise<readonly DemoWithdrawal[]> {
  const [first, second, third] = [await chain.newAddress(), await chain.newAddress(), await chain.newAddress()];
  return expectations({ first, second, third, ...labelled });
}

/** The two sides have lists of their own, which happen to say the same. */
function twoPeopleApproveLarge() {
  const above = String(TWO_PEOPLE_ABOVE_SAT);
  return {
    online: {
      approvalTiers: [{ aboveMinor: above, approvals: 2, always: true }],
      boundApprovalsAboveMinor: above,
    },
    offline: { approvalTiers: [{ aboveSat: above, approvals: 2 }] },
  };
}

function label(address: string, category: string, reason: string): Label {
  return { address, tier: "black", category, reason };
}

function seconds(): string {
  return ((Date.now() - startedAtMs) / 1_000).toFixed(1);
}
