// Drives the outbox: one relay at a time per database, in the outbox's order, marked only after the other side has it.

import { MESSAGES, type MessageType, TOPICS } from "@sluice/contracts";
import { backoffMs } from "@sluice/core";
import { listen, openSession, type Pool, type Session, tryLock } from "@sluice/postgres";
import type { Bus } from "./bus.ts";
import type { Logger } from "./logger.ts";
import { markPublished, OUTBOX_CHANNEL, overdue, type UnpublishedRow, unpublished } from "./outbox.ts";
import { kafkaOutlet } from "./publisher.ts";

export type Relay = {
  /** "standby" while another instance relays, "failing" while the database cannot be reached. */
  readonly state: () => "relaying" | "standby" | "failing" | "stopped";
  /** Resolves when the batch in hand is delivered and marked. */
  readonly stop: () => Promise<void>;
};

type CommonOptions = {
  readonly pool: Pool;
  readonly logger: Logger;
  /** How often to look without having been told, milliseconds; 1,000 if not given. */
  readonly pollMs?: number;
};

export type RelayOptions = CommonOptions & {
  readonly bus: Bus;
  /** After this long without its readers' receipts a message is sent again, milliseconds; 30,000 if not given. */
  readonly sendAgainAfterMs?: number;
  /** Told how many rows were sent again. */
  readonly observeSentAgain?: (rows: number) => void;
};

export type BridgeRelayOptions = CommonOptions & {
  /** The messages of this outbox that go over the bridge rather than to their topic. */
  readonly types: readonly MessageType[];
  /** Resolves when the application on the other side has committed the message. */
  readonly send: (envelope: Uint8Array) => Promise<void>;
};

/**
 * Relays to Kafka every message that has a topic, again and again until each of its readers has confirmed it. What
 * arrives twice, also after a crash between acknowledgement and mark, the inbox absorbs.
 */
export function startRelay(options: RelayOptions): Promise<Relay> {
  const { sendAgainAfterMs: afterMs = 30_000, observeSentAgain: observe = () => undefined } = options;
  return start("kafka", TOPICS, kafkaOutlet(options.bus), options, { afterMs, observe });
}

/** Relays over the bridge, one message after the other. */
export function startBridgeRelay(options: BridgeRelayOptions): Promise<Relay> {
  for (const type of options.types) {
    if (MESSAGES[type].route === "topic") throw new TypeError(`${type} does not cross the bridge.`);
  }
  return start("bridge", options.types, bridgeOutlet(options.send), options);
}

/** The other side of a relay. Never throws: what it could not deliver it names. */
export type Outlet = {
  readonly deliver: (rows: readonly UnpublishedRow[]) => Promise<Delivery>;
  readonly close: () => Promise<void>;
};

export type Delivery = {
  readonly delivered: readonly bigint[];
  /** Topics whose rows, or some of them, are still to be delivered, with the reason. */
  readonly failed: ReadonlyMap<MessageType, unknown>;
};

async function start(
  name: string,
  types: readonly MessageType[],
  outlet: Outlet,
  { pool, logger, pollMs = 1_000 }: CommonOptions,
  again?: { readonly afterMs: number; readonly observe: (rows: number) => void },
): Promise<Relay> {
  const alarm = createAlarm();
  const blocked = createBlocks();
  let stopping = false;
  let state: ReturnType<Relay["state"]> = "standby";
  const listener = await listen(pool, OUTBOX_CHANNEL, alarm.ring);
  const loop = keepRelaying();
  return {
    state: () => state,
    stop: async () => {
      stopping = true;
      alarm.ring();
      await loop;
      await listener.close();
      await outlet.close();
      state = "stopped";
    },
  };

  async function keepRelaying(): Promise<void> {
    for (let failures = 0; !stopping; ) {
      try {
        const session = await openSession(pool);
        await relayWhileLeading(session).finally(session.close);
        failures = 0;
      } catch (error) {
        failures += 1;
        state = "failing";
        logger.warn({ err: error, relay: name, failures }, "the relay lost its database and tries again");
        await alarm.wait(backoffMs(failures, BACKOFF, Math.random()));
      }
    }
  }

  // Reads and marks go over the connection that holds the lock: who lost the lock can no longer mark.
  async function relayWhileLeading(session: Session): Promise<void> {
    while (!stopping && !(await tryLock(session, `relay:${name}`))) {
      state = "standby";
      await alarm.wait(pollMs);
    }
    if (stopping) return;
    state = "relaying";
    logger.info({ relay: name }, "this instance relays the outbox");
    for (let lookedAtMs = performance.now(); !stopping; ) {
      const rows = await unpublished(session, types.filter(blocked.isOpen));
      await publish(session, rows);
      // Under load too, since what was lost is older than what is new; and no oftener, since receipts take their time.
      if (again !== undefined && performance.now() - lookedAtMs >= pollMs) {
        await sendAgain(session, again.observe);
        lookedAtMs = performance.now();
      }
      if (rows.length === 0) await alarm.wait(pollMs);
    }
  }

  async function sendAgain(session: Session, observe: (rows: number) => void): Promise<void> {
    const rows = await overdue(session, types.filter(blocked.isOpen));
    if (rows.length === 0) return;
    const topics = Object.fromEntries(
      [...Map.groupBy(rows, ({ topic }) => topic)].map(([t, some]) => [t, some.length]),
    );
    logger.warn({ relay: name, topics }, "messages that were not confirmed are sent again");
    await publish(session, rows);
    observe(rows.length);
  }

  async function publish(session: Session, rows: readonly UnpublishedRow[]): Promise<void> {
    if (rows.length === 0) return;
    const { delivered, failed } = await outlet.deliver(rows);
    await markPublished(session, delivered, again?.afterMs ?? 0);
    for (const { topic } of rows) if (!failed.has(topic)) blocked.clear(topic);
    for (const [topic, reason] of failed) {
      const failures = blocked.block(topic);
      logger.warn({ err: reason, relay: name, topic, failures }, "a topic does not take messages; the others go on");
    }
  }
}

const BACKOFF = { firstMs: 100, longestMs: 2_000 };

function bridgeOutlet(send: BridgeRelayOptions["send"]): Outlet {
  return {
    deliver: async (rows) => {
      const delivered: bigint[] = [];
      for (const row of rows) {
        try {
          await send(row.envelope);
          delivered.push(row.id);
        } catch (error) {
          // What comes after it waits too, whatever its type: there is one bridge.
          return { delivered, failed: new Map(rows.slice(delivered.length).map(({ topic }) => [topic, error])) };
        }
      }
      return { delivered, failed: new Map() };
    },
    close: async () => undefined,
  };
}

/** Topics that failed are left alone for a growing while. */
function createBlocks(): {
  readonly isOpen: (topic: MessageType) => boolean;
  readonly block: (topic: MessageType) => number;
  readonly clear: (topic: MessageType) => void;
} {
  const blocks = new Map<MessageType, { readonly failures: number; readonly untilMs: number }>();
  return {
    isOpen: (topic) => (blocks.get(topic)?.untilMs ?? 0) <= performance.now(),
    block: (topic) => {
      const failures = (blocks.get(topic)?.failures ?? 0) + 1;
      blocks.set(topic, { failures, untilMs: performance.now() + backoffMs(failures, BACKOFF, Math.random()) });
      return failures;
    },
    clear: (topic) => {
      blocks.delete(topic);
    },
  };
}

/** Waits for a time or for a ring; a ring while nobody waits ends the next wait at once. */
function createAlarm(): { readonly ring: () => void; readonly wait: (longestMs: number) => Promise<void> } {
  let rung = false;
  let wake: (() => void) | undefined;
  return {
    ring: () => {
      rung = true;
      wake?.();
    },
    wait: async (longestMs) => {
      if (!rung) {
        let timer: NodeJS.Timeout | undefined;
        await new Promise<void>((resolve) => {
          wake = resolve;
          timer = setTimeout(resolve, longestMs);
        });
        clearTimeout(timer);
        wake = undefined;
      }
      rung = false;
    },
  };
}
