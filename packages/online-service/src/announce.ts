// Seals messages and puts them into the outbox of the transaction that changes the state that they announce.
import { type MessageType, type OutgoingMessage, type Sealer, seal } from "@sluice/contracts";
import { appendAllToOutbox } from "@sluice/messaging";
import type { Transaction } from "@sluice/postgres";

export async function announce<T extends MessageType>(
  tx: Transaction,
  sealer: Sealer,
  type: T,
  outgoing: OutgoingMessage<T>,
): Promise<void> {
  await announceAll(tx, sealer, type, [outgoing]);
}

export async function announceAll<T extends MessageType>(
  tx: Transaction,
  sealer: Sealer,
  type: T,
  outgoing: readonly OutgoingMessage<T>[],
): Promise<void> {
  const rows = outgoing.map((one) => ({
    ...{ topic: type, key: one.key, id: one.id },
    envelope: seal(sealer, type, one),
  }));
  await appendAllToOutbox(tx, rows);
}
