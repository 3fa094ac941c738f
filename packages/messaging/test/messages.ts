// Messages, handlers and the invitation that tests and the processes started by them share.

import { sign } from "node:crypto";
import { type MessageType, type OpenedOf, type Sealer, seal, type TrustFile } from "@sluice/contracts";
import type { Transaction } from "@sluice/postgres";
import type { Delivered } from "../src/dead-letter.ts";
import type { Handlers, Logger } from "../src/index.ts";

/** The message that most tests send: its first withdrawal carries the number of the message under its key. */
export const TYPE = "transaction.broadcast.v1" satisfies MessageType;
export type Main = OpenedOf<typeof TYPE>;

/** Everything that another process needs to join a test. */
export type Invitation = {
  readonly databaseUrl: string;
  readonly brokers: readonly string[];
  readonly topicPrefix: string;
  readonly trust: TrustFile;
};

/** One sealed message with a number under its key. */
export function message(sealer: Sealer, id: string, key = "k", number = 1, occurredAtMs = 1_000): Uint8Array {
  const transactionId = "ab".repeat(32);
  return seal(sealer, TYPE, {
    id,
    key,
    occurredAtMs,
    message: { transactionId, withdrawals: [{ withdrawalId: key, attempt: number }] },
  });
}

/** An envelope as it would come from the main topic's first partition. */
export function deliveredAt(offset: bigint, envelope: Uint8Array): Delivered {
  return { topic: TYPE, partition: 0, offset, key: null, envelope };
}

/** Records the message in the table of effects. */
export async function recordEffect(tx: Transaction, opened: Main): Promise<void> {
  const number = opened.message.withdrawals[0]?.attempt;
  await tx.query("insert into effect (id, key, number) values ($1, $2, $3)", [opened.id, opened.key, number]);
}

export const recordingHandlers: Handlers = { [TYPE]: recordEffect };

export const silentLogger: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

/**
 * A valid seal by a known producer that may not seal this type. Written byte by byte (Protobuf wire format: tag, length,
 * bytes), since the real seal() refuses to make it.
 */
export function forbiddenEnvelope(vault: Sealer): Uint8Array {
  const content = Buffer.concat([field(1, "f-1"), field(2, TYPE), field(3, "k"), field(4, "vault"), field(6, "")]);
  const sealed = Buffer.concat([Buffer.from(`sluice/seal/v1\0${vault.keyId}\0`), content]);
  return Buffer.concat([field(1, content), field(2, vault.keyId), field(3, sign(null, sealed, vault.privateKey))]);
}

function field(number: number, value: string | Uint8Array): Buffer {
  const bytes = Buffer.from(value);
  const length = bytes.length < 128 ? [bytes.length] : [(bytes.length & 127) | 128, bytes.length >> 7];
  return Buffer.concat([Buffer.from([(number << 3) | 2, ...length]), bytes]);
}
