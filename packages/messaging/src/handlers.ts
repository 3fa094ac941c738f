// What a service does with each message: one function a type.

import type { MessageType, Opened, OpenedOf } from "@sluice/contracts";
import type { Transaction } from "@sluice/postgres";

/**
 * Changes state in the transaction that also holds the message's inbox row. It may run again after a rollback, so it
 * touches nothing outside the transaction. Resolving means handled. An error that isRetriable, or an OperatingError with
 * action "retry", tries the whole batch again later; InvariantBroken ends the process; any other error parks the message.
 */
export type Handler<T extends MessageType> = (tx: Transaction, opened: OpenedOf<T>) => Promise<void>;

export type Handlers = { readonly [T in MessageType]?: Handler<T> };

/** The handler of a type, ready for a message that was opened as that type. */
export function handlerOf(
  handlers: Handlers,
  type: MessageType,
): ((tx: Transaction, opened: Opened) => Promise<void>) | undefined {
  return handlers[type] as ((tx: Transaction, opened: Opened) => Promise<void>) | undefined;
}
