// What each message holds, narrowed once: protobuf bytes in, readonly domain values out, all faults reported together.
import { create, type DescMessage, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import type { z } from "zod";
import * as account from "../gen/sluice/v1/account_pb.js";
import * as database from "../gen/sluice/v1/database_pb.js";
import * as receipt from "../gen/sluice/v1/message_pb.js";
import * as signing from "../gen/sluice/v1/signing_pb.js";
import * as transaction from "../gen/sluice/v1/transaction_pb.js";
import * as withdrawal from "../gen/sluice/v1/withdrawal_pb.js";
import * as zone from "../gen/sluice/v1/zone_pb.js";
import * as conflictShapes from "./conflict-shapes.ts";
import * as shapes from "./message-shapes.ts";
import type { MessageType } from "./table.ts";

const codec = <D extends DescMessage, S extends z.ZodType>(wire: D, shape: S) => ({ wire, shape });

const CODECS = {
  "withdrawal.changed.v1": codec(withdrawal.WithdrawalChangedSchema, shapes.withdrawalChanged.readonly()),
  "withdrawal.cleared.v1": codec(withdrawal.WithdrawalClearedSchema, shapes.withdrawalCleared.readonly()),
  "withdrawal.failed.v1": codec(withdrawal.WithdrawalFailedSchema, conflictShapes.withdrawalFailed.readonly()),
  "transaction.planned.v1": codec(transaction.TransactionPlannedSchema, shapes.transactionPlanned.readonly()),
  "signing.requested.v1": codec(signing.SigningRequestedSchema, shapes.signingRequested.readonly()),
  "signing.started.v1": codec(signing.SigningStartedSchema, shapes.signingStarted.readonly()),
  "signing.ordered.v1": codec(signing.SigningOrderedSchema, shapes.signingOrdered.readonly()),
  "signing.answered.v1": codec(signing.SigningAnsweredSchema, shapes.signingAnswered.readonly()),
  "risk.reported.v1": codec(signing.RiskReportedSchema, shapes.riskReported.readonly()),
  "signing.vetoed.v1": codec(signing.SigningVetoedSchema, shapes.signingVetoed.readonly()),
  "bundle.offered.v1": codec(zone.BundleOfferedSchema, shapes.bundleOffered.readonly()),
  "labels.offered.v1": codec(zone.LabelsOfferedSchema, shapes.labelsOffered.readonly()),
  "holder.reported.v1": codec(zone.HolderReportedSchema, shapes.holderReported.readonly()),
  "zone.reported.v1": codec(zone.ZoneReportedSchema, shapes.zoneReported.readonly()),
  "transaction.signed.v1": codec(transaction.TransactionSignedSchema, shapes.transactionSigned.readonly()),
  "transaction.broadcast.v1": codec(transaction.TransactionBroadcastSchema, shapes.transactionBroadcast.readonly()),
  "transaction.included.v1": codec(transaction.TransactionIncludedSchema, shapes.transactionIncluded.readonly()),
  "transaction.reorged.v1": codec(transaction.TransactionReorgedSchema, shapes.transactionReorged.readonly()),
  "transaction.confirmed.v1": codec(transaction.TransactionConfirmedSchema, shapes.transactionConfirmed.readonly()),
  "transaction.stuck.v1": codec(transaction.TransactionStuckSchema, shapes.transactionStuck.readonly()),
  "transaction.conflicted.v1": codec(
    transaction.TransactionConflictedSchema,
    conflictShapes.transactionConflicted.readonly(),
  ),
  "coin.observed.v1": codec(transaction.CoinObservedSchema, shapes.coinObserved.readonly()),
  "coin.vanished.v1": codec(transaction.CoinVanishedSchema, shapes.coinVanished.readonly()),
  "fee.estimated.v1": codec(transaction.FeeEstimatedSchema, shapes.feeEstimated.readonly()),
  "database.marked.v1": codec(database.DatabaseMarkedSchema, shapes.databaseMarked.readonly()),
  "recall.requested.v1": codec(database.RecallRequestedSchema, shapes.recallRequested.readonly()),
  "refill.requested.v1": codec(transaction.RefillRequestedSchema, shapes.refillRequested.readonly()),
  "account.signalled.v1": codec(account.AccountSignalledSchema, shapes.accountSignalled.readonly()),
  "suspension.changed.v1": codec(account.SuspensionChangedSchema, shapes.suspensionChanged.readonly()),
  "message.received.v1": codec(receipt.MessageReceivedSchema, shapes.messageReceived.readonly()),
} as const satisfies Record<MessageType, unknown>;

/** The readonly domain value of a message. Amounts are bigint, times are milliseconds since 1970 as numbers. */
export type MessageOf<T extends MessageType> = z.output<(typeof CODECS)[T]["shape"]>;

/**
 * Encodes a message's payload; the value goes through the same shape as on the way in, so that nothing leaves that
 * could not be read.
 * @throws TypeError naming every field at fault, since a wrong value here is a broken invariant of the caller.
 */
export function encodeMessage<T extends MessageType>(type: T, value: MessageOf<T>): Uint8Array {
  const wire: DescMessage = CODECS[type].wire;
  const encoded = toBinary(wire, create(wire, toWire(value) as MessageInitShape<DescMessage>));
  const check = decodeMessage(type, encoded);
  if (!check.ok) throw new TypeError(`${type} cannot be encoded: ${check.detail}`);
  return encoded;
}

export type Decoded<T extends MessageType> =
  | { readonly ok: true; readonly message: MessageOf<T> }
  | { readonly ok: false; readonly detail: string };

/** Decodes and narrows a payload. Every fault is named in `detail`; nothing is thrown for any bytes. */
export function decodeMessage<T extends MessageType>(type: T, payload: Uint8Array): Decoded<T> {
  const { wire, shape }: { wire: DescMessage; shape: z.ZodType } = CODECS[type];
  let raw: unknown;
  try {
    raw = fromBinary(wire, payload);
  } catch (error) {
    return { ok: false, detail: error instanceof Error ? error.message : String(error) };
  }
  const narrowed = shape.safeParse(raw);
  if (narrowed.success) return { ok: true, message: narrowed.data as MessageOf<T> };
  return {
    ok: false,
    detail: narrowed.error.issues.map((i) => `${i.path.join(".") || "message"}: ${i.message}`).join("; "),
  };
}

/** Domain times are numbers, the wire's are 64-bit: the fields that end in "AtMs" or "Ms" become bigint on the way out. */
function toWire(value: unknown): unknown {
  if (value instanceof Uint8Array || typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(toWire);
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [
      key,
      key.endsWith("Ms") && typeof inner === "number" ? BigInt(inner) : toWire(inner),
    ]),
  );
}
