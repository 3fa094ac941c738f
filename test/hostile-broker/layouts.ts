// The requests and answers that the enemy changes, in the versions that kafkajs 2.2.4 speaks. All others pass as they are.

import { int16, int32, int64, list, readWire, sized, text } from "./wire.ts";

export const API = {
  produce: 0,
  fetch: 1,
  listOffsets: 2,
  metadata: 3,
  offsetCommit: 8,
  offsetFetch: 9,
  findCoordinator: 10,
  heartbeat: 12,
  createTopics: 19,
  deleteTopics: 20,
  deleteRecords: 21,
} as const;

/** The version that the answer's layout below is of. Another one ends the connection, so that no attack fails unseen. */
const VERSIONS: ReadonlyMap<number, number> = new Map([
  [API.produce, 7],
  [API.fetch, 11],
  [API.metadata, 6],
  [API.offsetCommit, 5],
  [API.offsetFetch, 4],
  [API.findCoordinator, 2],
  [API.heartbeat, 3],
]);

export type RequestHead = { readonly api: number; readonly version: number; readonly id: number };

export function readHead(frame: Buffer): RequestHead & { readonly body: Buffer } {
  const wire = readWire(frame);
  const head = { api: wire.int16(), version: wire.int16(), id: wire.int32() };
  wire.nullableText();
  const wanted = VERSIONS.get(head.api);
  if (wanted !== undefined && wanted !== head.version) {
    throw new RangeError(`the client speaks version ${head.version} of request ${head.api}, not ${wanted}`);
  }
  return { ...head, body: wire.rest() };
}

export function writeRequest({ api, version, id }: RequestHead, body: Buffer): Buffer {
  return Buffer.concat([int16(api), int16(version), int32(id), text("hostile-broker"), body]);
}

export type PartitionRecords = { readonly topic: string; readonly partition: number; readonly records: Buffer };

export function readProduce(body: Buffer): readonly PartitionRecords[] {
  const wire = readWire(body);
  wire.nullableText();
  wire.int16();
  wire.int32();
  return wire
    .list(() => {
      const topic = wire.text();
      return wire.list(() => ({ topic, partition: wire.int32(), records: wire.records() }));
    })
    .flat();
}

export function writeProduce({ topic, partition, records }: PartitionRecords): Buffer {
  const one = Buffer.concat([text(topic), int32(1), int32(partition), sized(records)]);
  return Buffer.concat([text(null), int16(-1), int32(10_000), int32(1), one]);
}

/** "Yes, I have them all." */
export function acknowledgeProduce(given: readonly PartitionRecords[]): Buffer {
  const topics = [...Map.groupBy(given, ({ topic }) => topic)];
  const answer = list(topics, ([topic, some]) =>
    Buffer.concat([
      text(topic),
      list(some, ({ partition }) => Buffer.concat([int32(partition), int16(0), int64(0n), int64(-1n), int64(0n)])),
    ]),
  );
  return Buffer.concat([answer, int32(0)]);
}

/** Replaces the records of each partition in the answer to a fetch. */
export function changeFetched(body: Buffer, change: (fetched: PartitionRecords) => Buffer): Buffer {
  const wire = readWire(body);
  const head = wire.bytes(4 + 2 + 4);
  const topics = wire.list(() => {
    const topic = wire.text();
    const partitions = wire.list(() => {
      const partition = wire.int32();
      const marks = wire.bytes(2 + 8 + 8 + 8);
      const aborted = wire.list(() => wire.bytes(16));
      const replica = wire.int32();
      const records = change({ topic, partition, records: wire.records() });
      return Buffer.concat([int32(partition), marks, list(aborted, (one) => one), int32(replica), sized(records)]);
    });
    return Buffer.concat([text(topic), list(partitions, (one) => one)]);
  });
  return Buffer.concat([head, list(topics, (one) => one)]);
}

/** Names the enemy wherever the answer names a broker, so that every connection goes through it. */
export function redirectMetadata(body: Buffer, host: string, port: number): Buffer {
  const wire = readWire(body);
  const throttle = wire.bytes(4);
  const brokers = wire.list(() => {
    const node = wire.int32();
    wire.text();
    wire.int32();
    return Buffer.concat([int32(node), text(host), int32(port), text(wire.nullableText())]);
  });
  return Buffer.concat([throttle, list(brokers, (one) => one), wire.rest()]);
}

export function redirectCoordinator(body: Buffer, host: string, port: number): Buffer {
  const wire = readWire(body);
  const head = Buffer.concat([wire.bytes(4 + 2), text(wire.nullableText()), int32(wire.int32())]);
  wire.text();
  wire.int32();
  return Buffer.concat([head, text(host), int32(port), wire.rest()]);
}

export type Position = { readonly topic: string; readonly partition: number; readonly offset: bigint };

/** Replaces the positions of a group in the answer that it starts from. */
export async function changePositions(body: Buffer, change: (at: Position) => Promise<bigint>): Promise<Buffer> {
  const wire = readWire(body);
  const throttle = wire.bytes(4);
  const topics = wire.list(() => {
    const topic = wire.text();
    return {
      topic,
      partitions: wire.list(() => ({
        partition: wire.int32(),
        offset: wire.int64(),
        metadata: wire.nullableText(),
        error: wire.int16(),
      })),
    };
  });
  const written: Buffer[] = [];
  for (const { topic, partitions } of topics) {
    const changed: Buffer[] = [];
    for (const { partition, offset, metadata, error } of partitions) {
      const to = await change({ topic, partition, offset });
      changed.push(Buffer.concat([int32(partition), int64(to), text(metadata), int16(error)]));
    }
    written.push(Buffer.concat([text(topic), list(changed, (one) => one)]));
  }
  return Buffer.concat([throttle, list(written, (one) => one), wire.rest()]);
}

/** "Your positions are stored." */
export function acknowledgeCommit(body: Buffer): Buffer {
  const wire = readWire(body);
  wire.text();
  wire.int32();
  wire.text();
  const topics = wire.list(() => {
    const topic = wire.text();
    const partitions = wire.list(() => {
      const partition = wire.int32();
      wire.int64();
      wire.nullableText();
      return partition;
    });
    return Buffer.concat([text(topic), list(partitions, (one) => Buffer.concat([int32(one), int16(0)]))]);
  });
  return Buffer.concat([int32(0), list(topics, (one) => one)]);
}

/** REBALANCE_IN_PROGRESS: the client joins its group again, and asks for its positions. */
export const REBALANCE_ANSWER = Buffer.concat([int32(0), int16(27)]);
