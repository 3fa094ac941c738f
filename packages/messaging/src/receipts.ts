// Receipts: a consumer tells publishers, under its seal, which messages it has stored. A lost one is asked for again.

import { randomUUID } from "node:crypto";
import {
  isMessageType,
  type MessageType,
  type Opened,
  type Producer,
  type Sealer,
  seal,
  topicsFrom,
} from "@sluice/contracts";
import type { Bus } from "./bus.ts";
import type { Handler } from "./handlers.ts";
import type { Logger } from "./logger.ts";
import { confirmReceived } from "./outbox.ts";
import { kafkaOutlet } from "./publisher.ts";

export type Receipts = {
  /** To be called after the commit: from then on the message is this service's own care. */
  readonly note: (message: Pick<Opened, "type" | "id">) => void;
  /** Sends what is noted, and no more. */
  readonly stop: () => Promise<void>;
};

export type ReceiptOptions = {
  readonly bus: Bus;
  readonly sealer: Sealer;
  readonly logger: Logger;
  /** How long receipts are gathered into one message, milliseconds; 500 if not given. */
  readonly everyMs?: number;
};

const RECEIPT = "message.received.v1";

/** As the receipt's shape has it. Longer ones only an enemy with a good seal makes; they are not confirmed. */
const LONGEST_ID = 256;
/** As many ids of a type as one message names; with the longest ids they stay far below what a topic takes. */
const MAX_IDS = 1_000;
/** Beyond this nothing more is noted while Kafka takes none: the publishers send again, and it is noted then. */
const MAX_NOTED = 50_000;

/**
 * Gathers and sends receipts. They are kept nowhere: who never gets one sends its message again, and what came twice is
 * confirmed twice.
 */
export function startReceipts({ bus, sealer, logger, everyMs = 500 }: ReceiptOptions): Receipts {
  const outlet = kafkaOutlet(bus);
  const noted = new Map<MessageType, Set<string>>();
  let notedCount = 0;
  let sending: Promise<void> = Promise.resolve();
  const timer = setInterval(() => {
    sending = sending.then(send).catch((err: unknown) => logger.error({ err }, "receipts could not be made"));
  }, everyMs);
  return {
    note: ({ type, id }) => {
      if (type === RECEIPT || id.length > LONGEST_ID || notedCount >= MAX_NOTED) return;
      const ids = noted.get(type) ?? new Set();
      if (ids.has(id)) return;
      noted.set(type, ids.add(id));
      notedCount += 1;
    },
    stop: async () => {
      clearInterval(timer);
      await sending;
      await send();
      await outlet.close();
    },
  };

  async function send(): Promise<void> {
    while (notedCount > 0) {
      const received = [...noted].map(([type, ids]) => ({ type, ids: [...ids].slice(0, MAX_IDS) }));
      const { producer: key } = sealer;
      const occurredAtMs = Date.now();
      const envelope = seal(sealer, RECEIPT, { id: randomUUID(), key, occurredAtMs, message: { received } });
      const row = { id: 0n, topic: RECEIPT, key, envelope: Buffer.from(envelope) } as const;
      const { failed } = await outlet.deliver([row]);
      for (const reason of failed.values()) {
        logger.warn({ err: reason, receipts: notedCount }, "receipts could not be sent now");
        return;
      }
      for (const { type, ids } of received) forget(type, ids);
    }
  }

  function forget(type: MessageType, ids: readonly string[]): void {
    const left = noted.get(type);
    for (const id of ids) if (left?.delete(id) === true) notedCount -= 1;
    if (left?.size === 0) noted.delete(type);
  }
}

/** Takes receipts for what `publisher` has published. What they say of others' messages is none of its business. */
export function receiptHandler(publisher: Producer): Handler<typeof RECEIPT> {
  const own = new Set<MessageType>(topicsFrom(publisher).filter((type) => type !== RECEIPT));
  return async (tx, { producer: consumer, message }) => {
    for (const { type, ids } of message.received) {
      if (isMessageType(type) && own.has(type)) await confirmReceived(tx, consumer, type, ids);
    }
    await tx.query(
      `insert into receipt_heard (consumer, heard_at) values ($1, now())
       on conflict (consumer) do update set heard_at = excluded.heard_at`,
      [consumer],
    );
  };
}
