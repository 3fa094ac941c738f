// Exactly one effect for each message, however often it arrives.

import { createHash } from "node:crypto";
import { encodeMessage, type Opened } from "@sluice/contracts";
import type { Transaction } from "@sluice/postgres";
import { OperatingError } from "./failure.ts";

/**
 * Records the opened message in the inbox and, if it is new there, runs the handler: both take effect with the
 * transaction, or neither. A message that is being handled by another transaction is waited for. Also for messages that
 * came over the bridge. Throws MESSAGE_ID_REUSED (park) when the id is known with another content: to skip that as a
 * duplicate would lose a message.
 */
export async function handleOnce<M extends Opened>(
  tx: Transaction,
  opened: M,
  handler: (tx: Transaction, opened: M) => Promise<void>,
): Promise<"handled" | "duplicate"> {
  const identity = [opened.producer, opened.type, opened.id];
  const content = contentSha256(opened);
  const { rowCount } = await tx.query(
    `insert into inbox (producer, message_type, message_id, content_sha256)
     values ($1, $2, $3, $4) on conflict do nothing`,
    [...identity, content],
  );
  if (rowCount === 1) {
    await handler(tx, opened);
    return "handled";
  }
  const { rows } = await tx.query<{ content_sha256: Buffer }>(
    "select content_sha256 from inbox where producer = $1 and message_type = $2 and message_id = $3",
    identity,
  );
  if (rows[0]?.content_sha256.equals(content) !== true) {
    const which = `${opened.producer} sealed ${opened.type} ${opened.id}`;
    throw new OperatingError("MESSAGE_ID_REUSED", "park", `${which} twice with different content.`);
  }
  return "duplicate";
}

// The time of sealing is left out: a message made again after a crash is the same message.
function contentSha256(opened: Opened): Buffer {
  return createHash("sha256")
    .update(`${opened.key.length}:${opened.key}`)
    .update(encodeMessage(opened.type, opened.message))
    .digest();
}
