// The enemy's own connection to the real broker: what it writes, empties, deletes and asks there by itself.

import { connect, type Socket } from "node:net";
import { eachFrame } from "./frames.ts";
import { API, type PartitionRecords, writeProduce, writeRequest } from "./layouts.ts";
import { int8, int16, int32, int64, list, readWire, sized, text, type Wire } from "./wire.ts";

export type RealBroker = {
  /** False when the broker did not take them. */
  readonly produce: (records: PartitionRecords) => Promise<boolean>;
  /** The offset after the last record; undefined when the broker does not know the partition. */
  readonly endOf: (topic: string, partition: number) => Promise<bigint | undefined>;
  /** Empties a partition; its offsets go on from where they were. */
  readonly truncate: (topic: string, partition: number) => Promise<boolean>;
  readonly deleteTopic: (topic: string) => Promise<boolean>;
  /** False while the old one is still being deleted. */
  readonly createTopic: (topic: string, partitions: number) => Promise<boolean>;
  readonly close: () => void;
};

const TIMEOUT_MS = 10_000;

export async function openRealBroker(host: string, port: number): Promise<RealBroker> {
  const socket = await opened(connect({ host, port, noDelay: true }));
  const waiting = new Map<number, { readonly resolve: (answer: Wire) => void; readonly reject: (e: Error) => void }>();
  let lastId = 0;
  eachFrame(socket, (frame) => {
    const answer = readWire(frame);
    const id = answer.int32();
    waiting.get(id)?.resolve(answer);
    waiting.delete(id);
  });
  socket.on("close", () => {
    for (const { reject } of waiting.values()) reject(new Error("the real broker has closed the connection"));
  });
  const ask = (api: number, version: number, body: Buffer): Promise<Wire> => {
    lastId += 1;
    const id = lastId;
    const answer = new Promise<Wire>((resolve, reject) => waiting.set(id, { resolve, reject }));
    socket.write(sized(writeRequest({ api, version, id }, body)));
    return answer;
  };
  const onePartition = (topic: string, partition: number, rest: Buffer): Buffer =>
    Buffer.concat([int32(1), text(topic), int32(1), int32(partition), rest]);
  return {
    produce: async (records) => {
      const answer = await ask(API.produce, 7, writeProduce(records));
      return answer.list(() => [answer.text(), answer.list(() => readError(answer, 24))] as const)[0]?.[1][0] === 0;
    },
    endOf: async (topic, partition) => {
      const latest = Buffer.concat([int32(-1), onePartition(topic, partition, int64(-1n))]);
      const answer = await ask(API.listOffsets, 1, latest);
      const [found] = answer
        .list(() => {
          answer.text();
          return answer.list(() => ({ error: readError(answer, 8), offset: answer.int64() }));
        })
        .flat();
      return found?.error === 0 ? found.offset : undefined;
    },
    truncate: async (topic, partition) => {
      const all = Buffer.concat([onePartition(topic, partition, int64(-1n)), int32(TIMEOUT_MS)]);
      const answer = await ask(API.deleteRecords, 0, all);
      answer.int32();
      const errors = answer.list(() => {
        answer.text();
        return answer.list(() => {
          answer.bytes(4 + 8);
          return answer.int16();
        });
      });
      return errors[0]?.[0] === 0;
    },
    deleteTopic: async (topic) => {
      const answer = await ask(API.deleteTopics, 3, Buffer.concat([list([topic], text), int32(TIMEOUT_MS)]));
      answer.int32();
      return answer.list(() => [answer.text(), answer.int16()] as const)[0]?.[1] === 0;
    },
    createTopic: async (topic, partitions) => {
      const one = Buffer.concat([text(topic), int32(partitions), int16(1), int32(0), int32(0)]);
      const answer = await ask(API.createTopics, 4, Buffer.concat([int32(1), one, int32(TIMEOUT_MS), int8(0)]));
      answer.int32();
      return answer.list(() => [answer.text(), answer.int16(), answer.nullableText()] as const)[0]?.[1] === 0;
    },
    close: () => socket.destroy(),
  };
}

/** A partition's number, its error, and so many bytes of no interest. */
function readError(answer: Wire, more: number): number {
  answer.int32();
  const error = answer.int16();
  answer.bytes(more);
  return error;
}

function opened(socket: Socket): Promise<Socket> {
  return new Promise((resolve, reject) => {
    socket.once("error", reject);
    socket.once("connect", () => {
      socket.off("error", reject);
      // What ends the connection shows as "close".
      socket.on("error", () => undefined);
      resolve(socket);
    });
  });
}
