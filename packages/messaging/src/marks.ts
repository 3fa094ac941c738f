// Marks: what a service publishes of how far its database has come, for itself to read when it starts with an older copy.

import { randomUUID } from "node:crypto";
import { type Producer, type Sealer, seal, type Trust } from "@sluice/contracts";
import type { Bus } from "./bus.ts";
import { kafkaOutlet } from "./publisher.ts";
import { readToEnd } from "./read-to-end.ts";

const MARK = "database.marked.v1";

export type Marks = {
  /** Rejects when Kafka did not take it: the next one says the same and more. */
  readonly publish: (mark: bigint, atMs: number) => Promise<void>;
  readonly close: () => Promise<void>;
};

export function openMarks(bus: Bus, sealer: Sealer): Marks {
  const outlet = kafkaOutlet(bus);
  const { producer: service } = sealer;
  return {
    publish: async (mark, markedAtMs) => {
      const message = { service, mark, markedAtMs };
      const envelope = seal(sealer, MARK, {
        id: `${service}/${randomUUID()}`,
        key: service,
        occurredAtMs: markedAtMs,
        message,
      });
      const { failed } = await outlet.deliver([{ id: 0n, topic: MARK, key: service, envelope: Buffer.from(envelope) }]);
      for (const reason of failed.values()) throw reason;
    },
    close: outlet.close,
  };
}

/**
 * The highest mark that the service ever published and the topic still has; 0 when there is none. Only its own seal
 * counts. A broker can keep marks back, and then an older copy is not noticed by this; it can invent none.
 */
export async function highestMark(bus: Bus, trust: Trust, service: Producer): Promise<bigint> {
  let highest = 0n;
  await readToEnd(bus, trust, MARK, ({ producer, message }) => {
    if (producer !== service) return;
    if (message.service === service && message.mark > highest) highest = message.mark;
  });
  return highest;
}
