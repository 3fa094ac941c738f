// One run: a stack whose only way to Kafka leads through the enemy, a load of withdrawals, and the checker at the end.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { type Parts, type Stack, startStack } from "@sluice/devstack";
import { check } from "../chaos/check.ts";
import { makeLoad, startPosting, type Wanted } from "../chaos/load.ts";
import { startMiner } from "../chaos/miner.ts";
import { openNodeRpc } from "../chaos/node-rpc.ts";
import { type Observer, openObserver } from "../chaos/observe.ts";
import type { Violation } from "../chaos/violation.ts";
import { DEEDS, type Deed } from "./deeds.ts";
import type { Enemy } from "./enemy.ts";
import { type HostileBroker, startHostileBroker } from "./proxy.ts";
import { sortLetters } from "./sort-letters.ts";
import { countUnconfirmed, describeStanding, readSentAgain, readUnconfirmedReaders } from "./standing.ts";

export type RunOptions = {
  readonly parts: Parts;
  readonly seed: number;
  /** Paid first while the broker is honest: the control. */
  readonly untouched: number;
  /** Posted at full malice and finished under a third of it. */
  readonly attacked: number;
  readonly perSecond: number;
  readonly log: (line: string) => void;
};

export type PhaseResult = {
  readonly deeds: Readonly<Record<Deed, number>>;
  readonly violations: readonly Violation[];
  /** What was parked because no seal vouched for it, by code. */
  readonly refused: Readonly<Record<string, number>>;
  readonly completed: number;
  /** Messages that publishers had to send again, so far. */
  readonly sentAgain: number;
  /** Whom the publishers' metrics named meanwhile as not having confirmed. */
  readonly namedReaders: readonly string[];
};

export type RunResult = {
  readonly control: PhaseResult;
  readonly attacked: PhaseResult;
  /** Faults of the proxy itself, which would make the run worth nothing. */
  readonly faults: readonly string[];
};

export async function runHostile(options: RunOptions): Promise<RunResult> {
  const { seed, parts, log, untouched, attacked } = options;
  const broker = await startHostileBroker(parts.kafka.brokers[0] ?? "", seed);
  const directory = await mkdtemp(join(tmpdir(), "sluice-hostile-"));
  const load = makeLoad(seed, untouched + attacked);
  try {
    const behind = { ...parts, kafka: { ...parts.kafka, brokers: [broker.address] } };
    const stack = await startStack({ parts: behind, directory, log, policies: load.policies, extraEnv: SETTINGS });
    try {
      return await runPhases(options, stack, broker, load.wanted);
    } finally {
      broker.enemy.setMalice(0);
      await stack.stop();
    }
  } finally {
    await broker.close();
    await rm(directory, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** The wait for a receipt is shortened, as everything that a test has to wait for. */
const ONLINE = { SLUICE_SEND_AGAIN_AFTER_MS: "500", SLUICE_KAFKA_SESSION_TIMEOUT_MS: "6000" };
const SETTINGS = {
  "online-risk": ONLINE,
  vault: ONLINE,
  treasury: ONLINE,
  "blockchain-gateway": ONLINE,
  "ops-console": ONLINE,
};

const REQUIRED_CONFIRMATIONS = 2;
const COINS = 30;
/** More than the largest amount of the load, so that fees are paid too, and something is left for change. */
const PER_WITHDRAWAL_SAT = 60_000n;

async function runPhases(
  options: RunOptions,
  stack: Stack,
  { enemy, faults }: HostileBroker,
  wanted: readonly Wanted[],
): Promise<RunResult> {
  const rpc = openNodeRpc(options.parts.bitcoind.rpcUrl);
  const startHeight = await rpc.insist<number>("getblockcount");
  const observer = openObserver({
    ...{ stack, parts: options.parts, rpc, startHeight, seed: options.seed },
    requiredConfirmations: REQUIRED_CONFIRMATIONS,
    scripts: { receiving: 2 * COINS, change: wanted.length + 50 },
  });
  const miner = await startMiner(rpc, 400);
  try {
    await stack.fund(coinsFor(wanted.length));
    const phase = { options, stack, enemy, observer };
    const control = await runPhase({ ...phase, wanted: wanted.slice(0, options.untouched), earlier: [], malice: 0 });
    const rest = { wanted: wanted.slice(options.untouched), earlier: control.requests, malice: 1 };
    const attacked = await runPhase({ ...phase, ...rest });
    return { control: control.result, attacked: attacked.result, faults };
  } finally {
    await miner.stop();
    await observer.close();
  }
}

type Phase = {
  readonly options: RunOptions;
  readonly stack: Stack;
  readonly enemy: Enemy;
  readonly observer: Observer;
  readonly wanted: readonly Wanted[];
  readonly earlier: Parameters<Observer["history"]>[0];
  readonly malice: number;
};

async function runPhase({ options, stack, enemy, observer, wanted, earlier, malice }: Phase) {
  const { perSecond, log } = options;
  const until = waiting(async () => `${JSON.stringify(enemy.counts())}; ${await describeStanding(observer)}`, log);
  const scheming = new AbortController();
  enemy.setMalice(malice);
  const schemes = malice === 0 ? Promise.resolve() : scheme(enemy, scheming.signal);
  try {
    const patience = AbortSignal.timeout(4 * 3_600_000);
    const posting = startPosting({ client: stack.client, wanted, perSecond, signal: patience });
    await posting.done;
    const namedReaders = await look(() => readUnconfirmedReaders(stack));
    const undone = async () => DEEDS.filter((deed) => enemy.counts()[deed] === 0).length;
    if (malice > 0) await until("deeds not done yet", undone);
    enemy.setMalice(malice / 3);
    await until("withdrawals not final yet", observer.unfinished);
    scheming.abort();
    await schemes;
    enemy.setMalice(0);
    await until("messages not confirmed yet", () => countUnconfirmed(observer));
    const requests = [...earlier, ...posting.requests()];
    const history = await look(() => observer.history(requests));
    const { refused, others } = sortLetters(history.services.deadLetters);
    const services = { ...history.services, deadLetters: others };
    const completed = services.withdrawals.filter(({ state }) => state === "completed").length;
    const violations = check({ ...history, services });
    const sentAgain = await look(() => readSentAgain(stack));
    return { requests, result: { deeds: enemy.counts(), violations, refused, completed, sentAgain, namedReaders } };
  } finally {
    scheming.abort();
  }
}

/** Longer than the longest wait before a message is sent again. */
const PATIENCE_MS = 330_000;

/** Waits until nothing is left. It may take as long as it likes, as long as it becomes less. */
function waiting(describe: () => Promise<string>, log: RunOptions["log"]) {
  return async (what: string, count: () => Promise<number>): Promise<void> => {
    let least = Number.POSITIVE_INFINITY;
    for (let sinceMs = performance.now(); ; ) {
      const left = await count();
      if (left < least) {
        log(`${what}: ${left}`);
        least = left;
        sinceMs = performance.now();
      }
      if (left === 0) return;
      if (performance.now() - sinceMs > PATIENCE_MS)
        throw new Error(`${what}: ${left}, and no less; ${await describe()}`);
      await delay(200);
    }
  };
}

const LOOKS = 5;

/** What only reads is asked again when its connection breaks: a server may close an idle one just then. */
async function look<T>(read: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await read();
    } catch (error) {
      const isCut = error instanceof TypeError && error.message === "fetch failed";
      if (!isCut || tries === LOOKS) throw error;
    }
  }
}

const SCHEME_EVERY_MS = 900;

/** What a broker does without being asked: it empties topics again and again, and now and then loses a whole one. */
async function scheme(enemy: Enemy, signal: AbortSignal): Promise<void> {
  for (let round = 1; !signal.aborted; round += 1) {
    await (round % 5 === 2 ? enemy.deleteTopic() : enemy.emptyTopic());
    await delay(SCHEME_EVERY_MS, undefined, { signal }).catch(() => undefined);
  }
}

function coinsFor(withdrawals: number): readonly bigint[] {
  const each = (BigInt(withdrawals) * PER_WITHDRAWAL_SAT) / BigInt(COINS) + 1_000_000n;
  return Array.from({ length: COINS }, () => each);
}
