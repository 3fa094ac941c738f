// What the enemy does with records that a reader fetches. Offsets go on as they should, so that nothing seems to be missing.

import type { Will } from "./deeds.ts";
import { flipBit } from "./flip-bit.ts";
import { type KafkaRecord, type RecordBatch, readBatches, writeBatch } from "./record-batch.ts";

/** Of a thousand records. */
const RATES = {
  "skipped for the reader": 40,
  "repeated to the reader": 30,
  "reordered for the reader": 30,
  "flipped for the reader": 20,
} as const;

/** @param remembered older records of the same topic. */
export function changeRecords(will: Will, records: Buffer, remembered: readonly KafkaRecord[]): Buffer {
  return Buffer.concat(readBatches(records).map((batch) => writeBatch(changeBatch(will, batch, remembered))));
}

function changeBatch(will: Will, batch: RecordBatch, remembered: readonly KafkaRecord[]): RecordBatch {
  const change = (record: KafkaRecord, at: number): readonly KafkaRecord[] => {
    const deed = will.choose(RATES);
    switch (deed) {
      case undefined:
        return [record];
      case "skipped for the reader": {
        // A last record that is not there would be asked for at once again; an old one in its place moves the reader on.
        if (at < batch.records.length - 1) will.count(deed);
        return at < batch.records.length - 1 ? [] : inPlaceOf(record, remembered);
      }
      case "repeated to the reader":
        return inPlaceOf(record, batch.records.slice(0, at), deed);
      case "reordered for the reader":
        return inPlaceOf(record, batch.records.slice(at + 1), deed);
      case "flipped for the reader":
        will.count(deed);
        return [flipBit(will.random, record)];
    }
  };
  return { ...batch, records: batch.records.flatMap(change) };

  function inPlaceOf(
    record: KafkaRecord,
    others: readonly KafkaRecord[],
    deed: keyof typeof RATES = "skipped for the reader",
  ): readonly KafkaRecord[] {
    if (others.length === 0) return [record];
    will.count(deed);
    return [{ ...will.random.pick(others), offsetDelta: record.offsetDelta }];
  }
}
