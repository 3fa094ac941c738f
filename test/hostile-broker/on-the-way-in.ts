// What the enemy does with records that producers give it. They are told at once that all is well.

import type { Will } from "./deeds.ts";
import { flipBit } from "./flip-bit.ts";
import type { PartitionRecords } from "./layouts.ts";
import type { RealBroker } from "./real-broker.ts";
import { type KafkaRecord, readBatches, writeBatch } from "./record-batch.ts";

export type WayIn = {
  /** Resolves when the producer may be told so. */
  readonly take: (given: readonly PartitionRecords[]) => Promise<void>;
  /** What was given for a topic, as far as it is remembered: the oldest, and some of the others. */
  readonly remembered: (topic: string) => readonly KafkaRecord[];
  readonly topics: () => readonly string[];
  readonly close: () => void;
};

/** Of a thousand records. Six in ten pass as they came; two in ten are lost, or damaged, which is the same. */
const RATES = { dropped: 90, doubled: 60, delayed: 40, reordered: 60, flipped: 30, crossed: 60, replayed: 60 } as const;
const KEPT_RECORDS = 300;
const LONGEST_DELAY_MS = 2_500;
const OVERTAKEN_WITHIN_MS = 1_000;

export function openWayIn(will: Will, real: RealBroker): WayIn {
  const { random, count } = will;
  const memory = new Map<string, KafkaRecord[]>();
  const heldBack = new Map<string, readonly KafkaRecord[]>();
  const timers = new Set<NodeJS.Timeout>();
  return {
    take: async (given) => {
      for (const { topic, partition, records } of given) {
        const overtaken = release(`${topic}/${partition}`);
        const passing: KafkaRecord[] = [];
        for (const record of readBatches(records).flatMap((batch) => batch.records)) {
          passing.push(...(await takeOne(topic, partition, record)));
        }
        if (passing.length > 0) for (const _ of overtaken) count("reordered");
        await write(topic, partition, [...passing, ...overtaken]);
      }
    },
    remembered: (topic) => memory.get(topic) ?? [],
    topics: () => [...memory.keys()],
    close: () => {
      for (const timer of timers) clearTimeout(timer);
    },
  };

  /** What is written in its place at once; the rest happens later or never. */
  async function takeOne(topic: string, partition: number, record: KafkaRecord): Promise<readonly KafkaRecord[]> {
    const before = [...(memory.get(topic) ?? [])];
    remember(topic, record);
    const deed = will.choose(RATES);
    switch (deed) {
      case undefined:
        return [record];
      case "dropped":
        count(deed);
        return [];
      case "doubled": {
        count(deed);
        const hundredfold = will.counts().hundredfold === 0 || random.below(40) === 0;
        if (hundredfold) count("hundredfold");
        return new Array<KafkaRecord>(hundredfold ? 100 : random.between(2, 5)).fill(record);
      }
      case "flipped":
        count(deed);
        return [flipBit(random, record)];
      case "delayed":
        count(deed);
        later(random.between(100, LONGEST_DELAY_MS), () => [record]);
        return [];
      case "reordered": {
        const place = `${topic}/${partition}`;
        heldBack.set(place, [...(heldBack.get(place) ?? []), record]);
        // Nothing may come to overtake it.
        later(OVERTAKEN_WITHIN_MS, () => release(place));
        return [];
      }
      case "crossed": {
        const others = [...memory.keys()].filter((name) => name !== topic);
        if (others.length === 0) return [record];
        count(deed);
        await write(random.pick(others), 0, [record]);
        return [record];
      }
      case "replayed":
        if (before.length === 0) return [record];
        count(deed);
        return [record, random.pick(before)];
    }

    function later(afterMs: number, records: () => readonly KafkaRecord[]): void {
      const timer = setTimeout(() => {
        timers.delete(timer);
        void write(topic, partition, records());
      }, afterMs);
      timers.add(timer);
    }
  }

  function release(place: string): readonly KafkaRecord[] {
    const records = heldBack.get(place) ?? [];
    heldBack.delete(place);
    return records;
  }

  function remember(topic: string, record: KafkaRecord): void {
    const kept = memory.get(topic) ?? [];
    memory.set(topic, kept);
    if (kept.length < KEPT_RECORDS) kept.push(record);
    else kept[random.between(KEPT_RECORDS / 2, KEPT_RECORDS - 1)] = record;
  }

  async function write(topic: string, partition: number, records: readonly KafkaRecord[]): Promise<void> {
    if (records.length === 0) return;
    const numbered = records.map((record, offsetDelta) => ({ ...record, offsetDelta }));
    const batch = { baseOffset: 0n, lastOffsetDelta: records.length - 1, timestamp: BigInt(Date.now()) };
    // A topic that was just deleted takes nothing: then these are lost as well.
    await real.produce({ topic, partition, records: writeBatch({ ...batch, records: numbered }) }).catch(() => false);
  }
}
