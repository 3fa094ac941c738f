// Some messages of one partition through one Postgres transaction: each takes effect, is skipped, or is parked.

import { type MessageType, type Opened, open, type Trust } from "@sluice/contracts";
import { type Pool, savepoint, type Transaction, transaction } from "@sluice/postgres";
import { type Delivered, park } from "./dead-letter.ts";
import { judge } from "./failure.ts";
import { type Handlers, handlerOf } from "./handlers.ts";
import { handleOnce } from "./inbox.ts";

/** "retried" is told once for each message of a batch that was rolled back and will come again. */
export type Outcome = "handled" | "duplicate" | "parked" | "retried";

export type Observation = { readonly type: MessageType; readonly outcome: Outcome; readonly durationMs: number };

export type Settled = Observation & {
  readonly delivered: Delivered;
  readonly code?: string;
  readonly reason?: string;
  /** What the seal vouched for. Stored here now, handled or parked, and so to be confirmed. */
  readonly opened?: Pick<Opened, "type" | "id">;
};

export type Receiver = {
  readonly pool: Pool;
  readonly group: string;
  readonly trust: Trust;
  readonly handlers: Handlers;
};

/**
 * Resolves when every message is settled and committed. Throws when nothing can be said about them now: the caller comes
 * again with the same messages, or stops when an invariant is broken. Messages that were settled before the error are
 * skipped then.
 */
export async function settle(receiver: Receiver, messages: readonly Delivered[]): Promise<readonly Settled[]> {
  try {
    return await settleTogether(receiver, messages);
  } catch (error) {
    const failure = judge(error);
    if (failure.action !== "park") throw error;
    // Every handler succeeded and yet the commit was refused, as by a deferred constraint. Alone, each shows whether it is to blame.
    const [only, ...others] = messages;
    if (only === undefined) throw error;
    if (others.length === 0) return [await parkAlone(receiver, only, failure.code, failure.reason)];
    const settled: Settled[] = [];
    for (const message of messages) settled.push(...(await settle(receiver, [message])));
    return settled;
  }
}

async function settleTogether(receiver: Receiver, messages: readonly Delivered[]): Promise<readonly Settled[]> {
  return await transaction(receiver.pool, async (tx) => {
    const settled: Settled[] = [];
    for (const message of messages) settled.push(await settleOne(receiver, tx, message));
    return settled;
  });
}

async function settleOne(receiver: Receiver, tx: Transaction, delivered: Delivered): Promise<Settled> {
  const startedMs = performance.now();
  const type = delivered.topic;
  const done = (outcome: Outcome): Settled => ({ type, outcome, durationMs: performance.now() - startedMs, delivered });
  const parked = async (code: string, reason: string): Promise<Settled> => {
    await park(tx, receiver.group, delivered, code, reason);
    return { ...done("parked"), code, reason };
  };
  const handler = handlerOf(receiver.handlers, type);
  if (handler === undefined) return parked("HANDLER_MISSING", `Nothing here handles ${type}.`);
  const opened = open(receiver.trust, delivered.envelope, [type]);
  if (!opened.ok) return parked(opened.refusal.code, opened.refusal.detail);
  try {
    const outcome = await savepoint(tx, (inner) => handleOnce(inner, opened.value, handler));
    return { ...done(outcome), opened: opened.value };
  } catch (error) {
    const failure = judge(error);
    if (failure.action !== "park") throw error;
    return { ...(await parked(failure.code, failure.reason)), opened: opened.value };
  }
}

async function parkAlone(receiver: Receiver, delivered: Delivered, code: string, reason: string): Promise<Settled> {
  await transaction(receiver.pool, (tx) => park(tx, receiver.group, delivered, code, reason));
  return { type: delivered.topic, outcome: "parked", durationMs: 0, delivered, code, reason };
}
