// One stay of this process in a consumer group: from joining it to the first failure that the client does not get over.

import { randomUUID } from "node:crypto";
import { isAlive, type Pool } from "@sluice/postgres";
import { type Cluster, type EachBatchPayload, type GroupDescription, PartitionAssigners } from "kafkajs";
import { type Bus, kafkaOf } from "./bus.ts";
import { isAway } from "./failure.ts";
import type { Logger } from "./logger.ts";

export type MemberOptions = {
  readonly bus: Bus;
  readonly pool: Pool;
  readonly group: string;
  /** Of this consumer, and known to the database for as long as the process lives (`lifeSignOf`). */
  readonly instance: string;
  readonly topics: readonly string[];
  readonly sessionTimeoutMs: number;
  readonly eachBatch: (payload: EachBatchPayload) => Promise<void>;
  readonly logger: Logger;
};

export type Member = {
  /** Resolves with the reason when it is no member any more and does not become one again by itself. */
  readonly ended: Promise<unknown>;
  /** Waits for the batch in hand and leaves the group. */
  readonly leave: () => Promise<void>;
};

export const newInstance = randomUUID;

/** What a living instance holds in the database. */
export function lifeSignOf(instance: string): string {
  return `consumer:${instance}`;
}

/** Resolves when the group is joined; otherwise nothing of it is left. */
export async function joinGroup(options: MemberOptions): Promise<Member> {
  const { bus, group, instance, sessionTimeoutMs: sessionTimeout, logger } = options;
  let cluster: Cluster | undefined;
  const consumer = kafkaOf(bus, MARK + instance).consumer({
    groupId: group,
    allowAutoTopicCreation: false,
    sessionTimeout,
    heartbeatInterval: Math.min(3_000, sessionTimeout / 3),
    // So long the others may take to hear of a newcomer.
    rebalanceTimeout: 2 * sessionTimeout,
    // The longest that leave() waits for an empty fetch. Messages end the fetch at once.
    maxWaitTimeInMs: 250,
    // The client's own way to begin anew forgets that it is still a member, and waits for its former self.
    retry: { restartOnFailure: async () => false },
    // Whoever shares out partitions is given the connection to the cluster: the one way to it that the client offers.
    partitionAssigners: [
      (around) => {
        cluster = around.cluster;
        return PartitionAssigners.roundRobin(around);
      },
    ],
  });
  let failure: { readonly error: unknown } | undefined;
  const { promise: ended, resolve } = Promise.withResolvers<unknown>();
  consumer.on(consumer.events.CRASH, ({ payload: { error } }) => {
    failure ??= { error };
    resolve(error);
  });
  const silence = watchSilence(SILENT_SESSIONS * sessionTimeout, (error) => {
    failure ??= { error };
    resolve(error);
  });
  consumer.on(consumer.events.HEARTBEAT, silence.heard);
  consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
    silence.heard();
    logger.info({ group, partitions: payload.memberAssignment }, "joined the consumer group");
  });
  let running: Promise<void> = Promise.resolve();
  try {
    await consumer.connect();
    // A group without an offset reads from the start: skipping to the end would lose what is there.
    await consumer.subscribe({ topics: [...options.topics], fromBeginning: true });
    if (cluster !== undefined) await sendDeadAway(options, await consumer.describeGroup(), cluster);
    silence.heard();
    running = consumer.run({ autoCommit: false, eachBatchAutoResolve: false, eachBatch: options.eachBatch });
    await Promise.race([running, ended]);
    if (failure !== undefined) throw failure.error;
  } catch (error) {
    silence.end();
    abandon();
    throw error;
  }
  void ended.then(() => {
    silence.end();
    abandon();
  });
  return {
    ended,
    leave: async () => {
      silence.end();
      if (failure === undefined) await consumer.disconnect();
    },
  };

  /**
   * What the client still waits for may never come, so nobody waits for the client. One that is told to go while it joins
   * would join all the same.
   */
  function abandon(): void {
    void running
      .catch(() => undefined)
      .then(() => consumer.disconnect())
      .catch((err: unknown) => logger.debug({ err, group }, "a former member could not leave"));
  }
}

/**
 * Whom the broker has not heard for so many sessions is no member any more, whatever the client believes: when connections break
 * it may wait for an answer that nobody sends.
 */
const SILENT_SESSIONS = 1.5;
const LOOK_EVERY_MS = 500;

function watchSilence(longestMs: number, onSilence: (error: Error) => void) {
  let heardAtMs = performance.now();
  const timer = setInterval(() => {
    if (performance.now() - heardAtMs < longestMs) return;
    clearInterval(timer);
    onSilence(Object.assign(new Error(`no heartbeat was answered for ${longestMs} ms`), { retriable: true }));
  }, LOOK_EVERY_MS);
  return {
    heard: (): void => {
      heardAtMs = performance.now();
    },
    end: (): void => clearInterval(timer),
  };
}

/**
 * A group waits for each member until its session ends, also for one whose process was killed. Its own database knows
 * that sooner: those who are gone, and what this instance was before, leave now. One who was taken for dead and is alive
 * loses nothing: it joins again, and until then the inbox keeps the two apart.
 */
async function sendDeadAway(
  { pool, group, instance, logger }: MemberOptions,
  { members }: GroupDescription,
  cluster: Cluster,
): Promise<void> {
  for (const { clientId, memberId } of members) {
    const other = MARKED.exec(clientId)?.[1];
    if (other === undefined || (other !== instance && (await isAlive(pool, lifeSignOf(other))))) continue;
    const coordinator = (await cluster.findGroupCoordinator({ groupId: group })) as unknown as Coordinator;
    try {
      await coordinator.leaveGroup({ groupId: group, memberId });
      logger.info({ group, memberId }, "a member of the group whose process is gone was taken out of it");
    } catch (error) {
      if (isAway(error)) throw error;
      // Its session ended meanwhile; or whatever else is the matter, it will.
      logger.debug({ err: error, group, memberId }, "a member of the group could not be taken out of it");
    }
  }
}

/** The client's types leave out what it does itself when it leaves. */
type Coordinator = {
  readonly leaveGroup: (request: { readonly groupId: string; readonly memberId: string }) => Promise<unknown>;
};

const MARK = "~";
const MARKED = /~([0-9a-f-]{36})$/;
