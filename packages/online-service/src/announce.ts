// Seals a message and puts it into the outbox of the transaction that changes the state it announces.
import { type MessageType, type OutgoingMessage, type Sealer, seal } from "@sluice/contracts";
import { appendOutbox } from "@sluice/messaging";
import type { Transaction } from "@sluice/postgres";

export async function announce<T extends MessageType>(
  tx: Transaction,
  sealer: Sealer,
  type: T,
  outgoing: OutgoingMessage<T>,
): Promise<void> {
  await appendOutbox(tx, { topic: type, key: outgoing.key, id: outgoing.id, envelope: seal(sealer, type, outgoing) });
}
