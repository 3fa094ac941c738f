// A broker in enemy hands: everything that it does to what passes it, and what it does without being asked.

import { setTimeout as delay } from "node:timers/promises";
import { createWill, type Will } from "./deeds.ts";
import type { PartitionRecords, Position } from "./layouts.ts";
import { openWayIn } from "./on-the-way-in.ts";
import { changeRecords } from "./on-the-way-out.ts";
import type { RealBroker } from "./real-broker.ts";

export type Enemy = Pick<Will, "setMalice" | "isHonest" | "counts"> & {
  /** Takes what a producer gives, and resolves when the producer may be told that all is well. */
  readonly takeProduced: (given: readonly PartitionRecords[]) => Promise<void>;
  readonly changeFetched: (fetched: PartitionRecords) => Buffer;
  /** Where a group starts to read, instead of where it was. */
  readonly changePosition: (at: Position) => Promise<bigint>;
  readonly forgetsCommit: () => boolean;
  readonly rebalancesGroup: () => boolean;
  /** How long an answer is held back, milliseconds. */
  readonly holdsAnswerMs: () => number;
  readonly emptyTopic: () => Promise<void>;
  /** Makes it anew and empty. */
  readonly deleteTopic: () => Promise<void>;
  readonly close: () => void;
};

export function createEnemy(seed: number, real: RealBroker): Enemy {
  const will = createWill(seed);
  const { random, count, happens } = will;
  const wayIn = openWayIn(will, real);
  const counted = (deed: Parameters<Will["count"]>[0], did: boolean): boolean => {
    if (did) count(deed);
    return did;
  };
  return {
    ...will,
    takeProduced: wayIn.take,
    changeFetched: ({ topic, records }) => changeRecords(will, records, wayIn.remembered(topic)),
    changePosition: async ({ topic, partition, offset }) => {
      const end = happens(700) ? await endOf(topic, partition) : undefined;
      if (end === undefined) return offset;
      const deed = random.pick(["position to the start", "position to the end", "position anywhere"] as const);
      count(deed);
      if (deed === "position to the start") return 0n;
      return deed === "position to the end" ? end : BigInt(random.below(Number(end) + 1));
    },
    forgetsCommit: () => counted("position forgotten", happens(300)),
    rebalancesGroup: () => counted("group rebalanced", happens(400)),
    holdsAnswerMs: () => (counted("answer delayed", happens(30)) ? random.between(50, 700) : 0),
    emptyTopic: async () => {
      const topic = someTopic();
      if (topic === undefined) return;
      for (let partition = 0; partition < (await partitionsOf(topic)); partition += 1) {
        counted("topic emptied", await real.truncate(topic, partition).catch(() => false));
      }
    },
    deleteTopic: async () => {
      const topic = someTopic();
      if (topic === undefined) return;
      const partitions = await partitionsOf(topic);
      if (!(await real.deleteTopic(topic))) return;
      while (!(await real.createTopic(topic, partitions))) await delay(50);
      count("topic deleted");
    },
    close: wayIn.close,
  };

  function someTopic(): string | undefined {
    const topics = wayIn.topics();
    return topics.length === 0 ? undefined : random.pick(topics);
  }

  function endOf(topic: string, partition: number): Promise<bigint | undefined> {
    return real.endOf(topic, partition).catch(() => undefined);
  }

  async function partitionsOf(topic: string): Promise<number> {
    let count = 0;
    while ((await endOf(topic, count)) !== undefined) count += 1;
    return count;
  }
}
