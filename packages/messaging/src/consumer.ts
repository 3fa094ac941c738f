// Reads topics as one of a group: Postgres first, then the offset, so that a crash in between only repeats.

import { setTimeout as delay } from "node:timers/promises";
import { MESSAGES, type MessageType, type Trust } from "@sluice/contracts";
import { backoffMs } from "@sluice/core";
import { giveLifeSign, isRetriable, type Pool } from "@sluice/postgres";
import type { Bus } from "./bus.ts";
import { isAway } from "./failure.ts";
import type { Handlers } from "./handlers.ts";
import type { Logger } from "./logger.ts";
import { joinGroup, lifeSignOf, type Member, newInstance } from "./member.ts";
import { createPauses } from "./pauses.ts";
import { type Reader, readBatch } from "./read-batch.ts";
import type { Receipts } from "./receipts.ts";
import type { Observation } from "./settle.ts";

export type ConsumerOptions = {
  readonly bus: Bus;
  readonly pool: Pool;
  /** Instances of one service share a group, and the partitions between them. */
  readonly group: string;
  readonly trust: Trust;
  /** Exactly the types that have a handler. */
  readonly topics: readonly MessageType[];
  readonly handlers: Handlers;
  readonly logger: Logger;
  /** Confirms to the publishers what is stored here; without it they send it again and again. */
  readonly receipts?: Receipts;
  /** Told after the commit, once for each message. */
  readonly observe?: (observation: Observation) => void;
  /** How many messages of a partition are still to come after a batch. */
  readonly observeLag?: (lag: {
    readonly type: MessageType;
    readonly partition: number;
    readonly messages: number;
  }) => void;
  /** Told when this consumer can never go on. Ends the process with code 1 if not given. */
  readonly onFatal?: (error: unknown) => void;
  /** Milliseconds until Kafka gives a silent instance's partitions to another; 30,000 if not given, not below the broker's minimum. */
  readonly sessionTimeoutMs?: number;
};

export type Consumer = {
  readonly state: () => "running" | "restarting" | "failed" | "stopped";
  /** Waits for the transaction in hand, commits its offset and leaves the group. */
  readonly stop: () => Promise<void>;
};

/**
 * Resolves when the group is joined, and stays in it: whenever the cluster or the database goes away it joins again. Rejects
 * when a topic does not exist, the cluster or the database cannot be reached, or the group does not take this instance.
 */
export async function startConsumer(options: ConsumerOptions): Promise<Consumer> {
  refuseMismatch(options);
  const instance = newInstance();
  const lifeSign = await giveLifeSign(options.pool, lifeSignOf(instance));
  const lifecycle = createLifecycle(options, instance);
  try {
    await lifecycle.begin();
  } catch (error) {
    await lifecycle.stop();
    await lifeSign.close();
    throw error;
  }
  return {
    state: lifecycle.state,
    stop: async () => {
      await lifecycle.stop();
      await lifeSign.close();
    },
  };
}

function refuseMismatch({ topics, handlers }: ConsumerOptions): void {
  const handled = Object.keys(handlers);
  for (const type of topics) {
    if (!handled.includes(type)) throw new TypeError(`${type} is read but has no handler.`);
    if (MESSAGES[type].route === "bridge") throw new TypeError(`${type} has no topic.`);
  }
  for (const type of handled) {
    if (!(topics as readonly string[]).includes(type)) throw new TypeError(`${type} has a handler but is not read.`);
  }
}

type Lifecycle = Consumer & { readonly begin: () => Promise<void> };

function createLifecycle(options: ConsumerOptions, instance: string): Lifecycle {
  const { bus, pool, logger, group, topics, sessionTimeoutMs = 30_000 } = options;
  const pauses = createPauses();
  const stopping = new AbortController();
  const typeOfTopic = new Map(topics.map((type) => [bus.topicName(type), type]));
  let state: ReturnType<Consumer["state"]> = "running";
  let member: Member | undefined;
  let staying: Promise<void> = Promise.resolve();
  const isOver = (): boolean => state === "failed" || state === "stopped";
  const reader: Reader = { options, pauses, mayGoOn: () => !isOver(), fail };

  return {
    state: () => state,
    begin: async () => {
      try {
        const first = await join();
        staying = stay(first);
      } catch (error) {
        if (!mayPass(error)) fail(error);
        throw error;
      }
    },
    stop: async () => {
      state = "stopped";
      stopping.abort();
      pauses.end();
      await member?.leave();
      await staying;
    },
  };

  async function join(): Promise<Member> {
    const joined = await joinGroup({
      ...{ bus, pool, group, instance, logger, sessionTimeoutMs },
      topics: [...typeOfTopic.keys()],
      eachBatch: async (payload) => {
        const type = typeOfTopic.get(payload.batch.topic);
        if (type === undefined) throw new TypeError(`Nobody asked for a batch of ${payload.batch.topic}.`);
        await readBatch(reader, type, payload);
      },
    });
    member = joined;
    return joined;
  }

  /** As a member, again and again, until it is stopped or what ended it does not pass. */
  async function stay(first: Member): Promise<void> {
    const stopped = new Promise((resolve) => stopping.signal.addEventListener("abort", resolve, { once: true }));
    for (let present: Member | undefined = first; present !== undefined; ) {
      const reason: unknown = await Promise.race([present.ended, stopped]);
      present = isOver() ? undefined : await joinAgain(reason);
    }
  }

  async function joinAgain(reason: unknown): Promise<Member | undefined> {
    for (let [error, failures] = [reason, 1]; !isOver(); failures += 1) {
      if (!mayPass(error)) return fail(error);
      state = "restarting";
      const delayMs = backoffMs(failures, BACKOFF, Math.random());
      logger.error({ err: error, group, failures, delayMs }, "the consumer broke off and starts again");
      await delay(delayMs, undefined, { signal: stopping.signal }).catch(() => undefined);
      if (isOver()) return undefined;
      try {
        const joined = await join();
        if (!isOver()) {
          state = "running";
          return joined;
        }
        await joined.leave();
      } catch (next) {
        error = next;
      }
    }
    return undefined;
  }

  function fail(error: unknown): undefined {
    if (isOver()) return;
    state = "failed";
    logger.error({ err: error, group }, "the consumer cannot go on");
    if (options.onFatal === undefined) process.exit(1);
    options.onFatal(error);
  }
}

/** A cluster or a database that is away comes back; a group that does not take this instance will not take it later. */
function mayPass(error: unknown): boolean {
  return isAway(error) || isRetriable(error);
}

const BACKOFF = { firstMs: 100, longestMs: 2_000 };
