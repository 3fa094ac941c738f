// One bit of a message changed; the checksum of its batch is made good again by whoever writes the batch.

import type { Random } from "../chaos/random.ts";
import type { KafkaRecord } from "./record-batch.ts";

export function flipBit(random: Random, record: KafkaRecord): KafkaRecord {
  if (record.value === null || record.value.length === 0) return record;
  const value = Buffer.from(record.value);
  const at = random.below(value.length);
  value[at] = (value[at] ?? 0) ^ (1 << random.below(8));
  return { ...record, value };
}
