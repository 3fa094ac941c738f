// A stack on parts of its own that can all be killed, with a miner, cuttable lines, a supervisor and an observer around it.
import { rmSync } from "node:fs";
import { cp, mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join, sep } from "node:path";
import {
  openFaucet,
  type Parts,
  type PolicyChoices,
  type ProcessName,
  type Stack,
  type StackOptions,
  startParts,
  startStack,
} from "@sluice/devstack";
import { type CuttableLine, openLine } from "./line-proxy.ts";
import { type Miner, startMiner } from "./miner.ts";
import { type NodeRpc, openNodeRpc } from "./node-rpc.ts";
import { type Observer, openObserver } from "./observe.ts";
import { LINES, type LineName } from "./plan.ts";
import { type Supervisor, startSupervisor } from "./supervisor.ts";

export type HarnessOptions = {
  readonly seed: number;
  /** How many withdrawals the wallet has to have coins for. */
  readonly withdrawals: number;
  readonly policies?: PolicyChoices;
  readonly log: (line: string) => void;
  readonly extraEnv?: StackOptions["extraEnv"];
  readonly extraFlags?: StackOptions["extraFlags"];
  /** False to use the parts that the environment names: then none of them can be killed. True if not given. */
  readonly ownParts?: boolean;
  /** Where the processes' logs are copied to in the end; nowhere if not given. */
  readonly logsTo?: string;
  /** A second is what regtest is given here for the ten minutes of a real block. */
  readonly mineEveryMs?: number;
};

export type Harness = {
  readonly stack: Stack;
  readonly parts: Parts;
  readonly rpc: NodeRpc;
  readonly miner: Miner;
  readonly supervisor: Supervisor;
  readonly lineOf: (name: LineName) => CuttableLine;
  readonly observer: Observer;
  readonly stop: () => Promise<void>;
};

/** The shortest session that a broker allows unless told: who takes over from a killed instance waits for so long. */
export const SESSION_TIMEOUT_MS = 6_000;
export const REQUIRED_CONFIRMATIONS = 2;
const COIN_SAT = 2_000_000n;
const MOST_COINS = 90;
const MORE_COINS = 15;
/** What it has beside fees. */
const PAYER_SAT = 390_000_000n;
/** More than the largest amount that a load asks for, so that fees are paid too. */
const PER_WITHDRAWAL_SAT = 35_000n;

export async function startHarness(options: HarnessOptions): Promise<Harness> {
  const { log, mineEveryMs = 1_000 } = options;
  const undo: (() => Promise<unknown>)[] = [];
  const stop = async (): Promise<void> => {
    for (const one of undo.splice(0).toReversed()) {
      await one().catch((error: unknown) => log(`stopping: ${String(error)}`));
    }
  };
  try {
    const directory = await mkdtemp(join(tmpdir(), "sluice-chaos-"));
    undo.push(() => rm(directory, { recursive: true, force: true, maxRetries: 5 }));
    // A run that is interrupted leaves nothing behind; its processes end with it.
    process.once("exit", () => rmSync(directory, { recursive: true, force: true }));
    const parts = await startParts({ log, own: options.ownParts ?? true });
    undo.push(parts.stop);
    const { logsTo } = options;
    if (logsTo !== undefined) undo.push(() => keepLogsOfParts(parts.directory, logsTo));
    const lines = await openLines(directory);
    undo.push(() => Promise.all([...lines.values()].map((line) => line.close())));
    const stack = await startStack({
      parts,
      directory: join(directory, "stack"),
      log,
      ...(options.policies === undefined ? {} : { policies: options.policies }),
      extraEnv: environments(directory, options.withdrawals, options.extraEnv ?? {}),
      ...(options.extraFlags === undefined ? {} : { extraFlags: options.extraFlags }),
    });
    if (logsTo !== undefined) undo.push(() => cp(join(directory, "stack", "logs"), logsTo, { recursive: true }));
    undo.push(stack.stop);
    const rpc = openNodeRpc(parts.bitcoind.rpcUrl);
    const startHeight = await rpc.ask<number>("getblockcount");
    const coins = coinsFor(options.withdrawals);
    await fillPayer(parts.bitcoind.rpcUrl, stack, coins);
    await stack.fund(coins);
    const miner = await startMiner(rpc, mineEveryMs);
    undo.push(miner.stop);
    const observer = openObserver({
      ...{ stack, parts, rpc, startHeight, seed: options.seed, requiredConfirmations: REQUIRED_CONFIRMATIONS },
      scripts: { receiving: 2 * MOST_COINS, change: options.withdrawals + 100 },
    });
    undo.push(observer.close);
    const afterBitcoind = async (): Promise<void> => {
      await miner.giveBack();
      await loadWallets(rpc);
    };
    const supervisor = startSupervisor({ stack, parts, log, afterRestart: { bitcoind: afterBitcoind } });
    undo.push(supervisor.stop);
    const lineOf = (name: LineName): CuttableLine => {
      const line = lines.get(name);
      if (line === undefined) throw new Error(`there is no line to ${name}`);
      return line;
    };
    return { stack, parts, rpc, miner, supervisor, lineOf, observer, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Beside those of the processes, which are there by then. */
async function keepLogsOfParts(from: string, to: string): Promise<void> {
  const logs = (await readdir(from, { recursive: true })).filter((name) => name.endsWith(".log"));
  for (const name of logs) {
    const part = name.split(sep)[0] ?? "";
    if (basename(name) === `${part}.log`) await cp(join(from, name), join(to, basename(name)));
  }
}

/** The outside world's: a node that was started again has none open. */
async function loadWallets(rpc: NodeRpc): Promise<void> {
  const open = await rpc.ask<readonly string[]>("listwallets");
  const { wallets } = await rpc.ask<{ readonly wallets: readonly { readonly name: string }[] }>("listwalletdir");
  for (const { name } of wallets) if (name !== "" && !open.includes(name)) await rpc.ask("loadwallet", name);
}

/** Where the far end connects, and where semi-offline-risk listens behind that. */
async function openLines(directory: string): Promise<ReadonlyMap<LineName, CuttableLine>> {
  await mkdir(join(directory, "lines"), { mode: 0o700 });
  const opened = LINES.map(
    async (name) =>
      [name, await openLine(linePath(directory, name), join(directory, "stack", "bridge", `${name}.sock`))] as const,
  );
  return new Map(await Promise.all(opened));
}

function linePath(directory: string, name: LineName): string {
  return join(directory, "lines", `${name}.sock`);
}

type Environments = Partial<Record<ProcessName, Readonly<Record<string, string>>>>;

function environments(
  directory: string,
  withdrawals: number,
  extra: NonNullable<StackOptions["extraEnv"]>,
): Environments {
  const session = { SLUICE_KAFKA_SESSION_TIMEOUT_MS: String(SESSION_TIMEOUT_MS), SLUICE_WAIT_AT_START_MS: "50000" };
  const own: Environments = {
    "online-risk": session,
    treasury: session,
    "ops-console": session,
    vault: {
      ...session,
      SLUICE_BATCH_MAX_WITHDRAWALS: "25",
      SLUICE_BATCH_WAIT_MS: "1000",
      SLUICE_ASK_AGAIN_MS: "2000",
      // More coins than there are, so that some are split while everything is killed.
      SLUICE_KEEP_FREE_COINS: String(Math.min(100, coinsFor(withdrawals).length + MORE_COINS)),
      SLUICE_TIDY_EVERY_MS: "3s",
    },
    "blockchain-gateway": { ...session, SLUICE_REBROADCAST_AFTER_MS: "2000" },
  };
  for (const name of LINES) {
    own[name] = { ...own[name], SLUICE_BRIDGE_CARRIER: `unix:${linePath(directory, name)}` };
  }
  for (const [name, settings] of Object.entries(extra) as [ProcessName, Record<string, string>][]) {
    own[name] = { ...own[name], ...settings };
  }
  return own;
}

/** A long run needs more than the four bitcoin that the world outside a stack begins with. */
async function fillPayer(rpcUrl: string, { chain }: Stack, coins: readonly bigint[]): Promise<void> {
  const missingSat = coins.reduce((sum, sat) => sum + sat, 0n) - PAYER_SAT;
  if (missingSat <= 0n) return;
  const faucet = await openFaucet(rpcUrl);
  await faucet("sendtoaddress", await chain.newAddress(), Number(missingSat / 100_000_000n) + 1);
  await chain.mine(1);
}

function coinsFor(withdrawals: number): readonly bigint[] {
  const needed = BigInt(withdrawals) * PER_WITHDRAWAL_SAT;
  const count = Math.min(MOST_COINS, Math.max(20, Number(needed / COIN_SAT)));
  const each = needed / BigInt(count) + COIN_SAT / 2n;
  return Array.from({ length: count }, () => each);
}
