// One stack for the tests of a file: every process for real, on the parts that the whole run shares.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { WithdrawalDetails } from "@sluice/client";
import type { WithdrawalState } from "@sluice/core";
import {
  type BitcoindPart,
  type Parts,
  type PolicyChoices,
  type Regtest,
  type Stack,
  type StackOptions,
  startParts,
  startStack,
} from "@sluice/devstack";
import { afterAll, beforeAll } from "vitest";

const START_WITHIN_MS = 90_000;
const MINE_EVERY_MS = 400;
/** Most journeys count coins, so nobody moves them meanwhile; those of internal transfers and twins say otherwise. */
const UNTIDIED = { SLUICE_TIDY_EVERY_MS: "24h" };

export type Choices = {
  readonly labels?: NonNullable<StackOptions["labels"]>;
  readonly policies?: (chain: Regtest) => Promise<PolicyChoices>;
  readonly extraEnv?: NonNullable<StackOptions["extraEnv"]>;
  readonly wallets?: number;
  readonly draw?: NonNullable<StackOptions["draw"]>;
  /** Bitcoinds of its own, so that blocks can be taken back without anybody else's stack seeing it: one, or so many. */
  readonly ownChain?: boolean | number;
  /** Whom its okx-facade serves; it has none unless asked. */
  readonly okx?: () => Promise<NonNullable<StackOptions["okx"]>>;
  /** Told of the stack's nodes before the stack is started on them. */
  readonly onChain?: (bitcoind: BitcoindPart) => Promise<void>;
  /** Whom the stack's webhooks are for; asked before the stack is started, which has none unless asked. */
  readonly webhooks?: () => Promise<NonNullable<StackOptions["webhooks"]>>;
};

/** Starts before the file's first test and stops after its last; the stack is there inside the tests. */
export function withStack({ ownChain = false, onChain, webhooks, okx, ...choices }: Choices = {}): () => Stack {
  let stack: Stack | undefined;
  let chain: Parts<"bitcoind"> | undefined;
  let directory: string | undefined;
  const lines: string[] = [];
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), "sluice-journey-"));
    // The parts are up already and named in the environment, so this starts nothing.
    const log = (line: string) => void lines.push(line);
    const parts = await startParts({ log });
    const bitcoindPeers = Array.from({ length: Number(ownChain) - 1 }, () => ({}));
    chain = ownChain ? await startParts({ log, which: ["bitcoind"], env: {}, own: true, bitcoindPeers }) : undefined;
    const bitcoind = chain?.bitcoind ?? parts.bitcoind;
    await onChain?.(bitcoind);
    const { vault = {}, ...others } = choices.extraEnv ?? {};
    stack = await startStack({
      parts: { ...parts, bitcoind },
      directory,
      log,
      ...choices,
      ...(webhooks === undefined ? {} : { webhooks: await webhooks() }),
      ...(okx === undefined ? {} : { okx: await okx() }),
      extraEnv: { ...others, vault: { ...UNTIDIED, ...vault } },
    });
  }, START_WITHIN_MS);
  afterAll(async () => {
    await stack?.stop();
    await chain?.stop();
    if (directory !== undefined) await rm(directory, { recursive: true, force: true });
  }, START_WITHIN_MS);
  return () => {
    if (stack === undefined) throw new Error(`the stack is not up:\n${lines.join("\n")}`);
    return stack;
  };
}

/** Waits for a state, or a final one, and mines meanwhile whenever the withdrawal waits for the chain. */
export async function follow(
  stack: Stack,
  id: string,
  until: readonly WithdrawalState[],
  withinMs = 50_000,
): Promise<WithdrawalDetails> {
  let state = "";
  const mining = setInterval(() => {
    if (state === "broadcast" || state === "confirming") mineForAll(stack);
  }, MINE_EVERY_MS);
  try {
    return await stack.client.waitFor(id, until, {
      signal: AbortSignal.timeout(withinMs),
      pollMs: 200,
      onChange: (details) => {
        state = details.state;
      },
    });
  } catch (error) {
    const { history, detail } = await stack.client.getWithdrawal(id);
    const told = history.map((change) => `${new Date(change.atMs).toISOString()} ${change.state} ${change.detail}`);
    throw new Error([`${id} is ${state} (${detail}) after ${withinMs} ms:`, ...told].join("\n  "), { cause: error });
  } finally {
    clearInterval(mining);
  }
}

const minedAt = new WeakMap<Stack, number>();

/** However many withdrawals are followed at once, blocks come one at a time. */
function mineForAll(stack: Stack): void {
  const now = performance.now();
  if (now - (minedAt.get(stack) ?? 0) < MINE_EVERY_MS - 50) return;
  minedAt.set(stack, now);
  void stack.chain.mine(1).catch(() => undefined);
}

/** The txids that paid an address of the outside wallet, the mempool included. */
export async function paymentsTo(stack: Stack, address: string): Promise<readonly string[]> {
  const received = await stack.chain.rpc<readonly { txids: readonly string[]; amount: number }[]>(
    "listreceivedbyaddress",
    0,
    false,
    false,
    address,
  );
  return received.flatMap(({ txids }) => txids);
}
