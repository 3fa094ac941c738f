// What each message holds, narrowed once: protobuf bytes in, readonly domain values out, all faults reported together.
import { create, type DescMessage, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { z } from "zod";
import * as signing from "../gen/sluice/v1/signing_pb.js";
import * as transaction from "../gen/sluice/v1/transaction_pb.js";
import * as withdrawal from "../gen/sluice/v1/withdrawal_pb.js";
import * as zone from "../gen/sluice/v1/zone_pb.js";
import type { MessageType } from "./table.ts";

const name = z.string().min(1).max(256);
const text = z.string().max(64 * 1024);
const bytes = z.custom<Uint8Array>((value) => value instanceof Uint8Array, "must be bytes");
const someBytes = bytes.refine((value) => value.length > 0, "must not be empty");
const satoshi = z.bigint().min(0n).max(2_100_000_000_000_000n);
const count = z.number().int().min(0);
const atMs = z.bigint().min(0n).max(BigInt(Number.MAX_SAFE_INTEGER)).transform(Number);
const transactionId = z.string().regex(/^[0-9a-f]{64}$/, "must be 64 lower-case hexadecimal digits");
const blockHash = transactionId;
const outpoint = z.string().regex(/^[0-9a-f]{64}:(0|[1-9][0-9]{0,9})$/, "must be txid:vout");
const list = <T extends z.ZodType>(item: T) => z.array(item).max(10_000).readonly();

export const signedRequestSchema = z
  .object({
    method: name,
    authority: name,
    path: name,
    query: text,
    contentType: text,
    contentDigest: text,
    signatureInput: text,
    signature: text,
    body: bytes,
  })
  .readonly();

const finding = z
  .object({ rule: name, verdict: name, reason: text, evidence: z.record(z.string(), z.string()).readonly() })
  .readonly();
const attempt = z.object({ withdrawalId: name, attempt: z.number().int().min(1) }).readonly();
const attempts = list(attempt).refine((items) => items.length > 0, "must name a withdrawal");
const aboutWithdrawal = z.object({ withdrawalId: z.string().max(256), finding }).readonly();

const withdrawalCleared = z.object({
  withdrawalId: name,
  request: signedRequestSchema,
  findings: list(finding),
  clearedAtMs: atMs,
});

const withdrawalChanged = z.object({
  withdrawalId: name,
  account: name,
  asset: name,
  amountMinor: z.string().regex(/^[0-9]+$/, "must be decimal digits"),
  address: name,
  state: name,
  detail: text,
  transactionId: z.union([z.literal(""), transactionId]),
  revision: z.number().int().min(1),
  changedAtMs: atMs,
  findings: list(finding),
  confirmations: count,
});

const transactionPlanned = z.object({
  taskId: name,
  walletId: name,
  transactionId,
  withdrawals: attempts,
  feeSat: satoshi,
  vbytes: count,
});

const signingRequested = z.object({
  taskId: name,
  walletId: name,
  psbt: someBytes,
  withdrawals: list(z.object({ clearance: someBytes, attempt: z.number().int().min(1) }).readonly()).refine(
    (items) => items.length > 0,
    "must carry a clearance",
  ),
});

const signingStarted = z.object({ taskId: name, transactionId, withdrawals: attempts });

const signingOrdered = z.object({
  taskId: name,
  walletId: name,
  holder: name,
  round: z.number().int().min(1),
  transactionId,
  psbt: someBytes,
  withdrawals: list(z.object({ withdrawalId: name, anchor: outpoint, clearance: someBytes }).readonly()).refine(
    (items) => items.length > 0,
    "must name a withdrawal",
  ),
  seenRecords: z.bigint().min(0n).optional(),
  seenHead: text.optional(),
});

const holderRefusal = z.object({ code: name, reason: text, signedBefore: z.boolean().optional() }).readonly();

const inputSignature = z.object({ input: count, publicKey: someBytes, signature: someBytes }).readonly();

const signingAnswered = z.object({
  taskId: name,
  round: z.number().int().min(1),
  transactionId,
  answer: z.discriminatedUnion("case", [
    z.object({ case: z.literal("signatures"), value: z.object({ inputs: list(inputSignature) }).readonly() }),
    z.object({ case: z.literal("refusal"), value: holderRefusal }),
  ]),
});

const riskReported = z.object({
  number: z.bigint().min(1n),
  taskId: name,
  withdrawals: list(attempt),
  transactionId: z.union([z.literal(""), transactionId]),
  verdict: z.discriminatedUnion("case", [
    z.object({ case: z.literal("signed"), value: z.object({ psbt: someBytes, holders: list(name) }).readonly() }),
    z.object({
      case: z.literal("delayed"),
      value: z.object({ untilMs: atMs, findings: list(aboutWithdrawal) }).readonly(),
    }),
    z.object({
      case: z.literal("refused"),
      value: z.object({ findings: list(aboutWithdrawal), signatureMayExist: z.boolean() }).readonly(),
    }),
  ]),
});

const isolation = z.object({ noIp: z.boolean(), detail: text }).readonly();

const holderReported = z.object({
  holder: name,
  state: z.enum(["locked", "serving"]),
  isolation,
  journalRecords: z.bigint().min(0n),
  journalHead: text,
  journalRefusals: z.bigint().min(0n).optional(),
  metrics: z.string().max(512 * 1024),
});

const signingVetoed = z.object({ taskId: name, holder: name, person: name, reason: z.string().max(1_000) });

const bundleOffered = z.object({ bundle: someBytes });

const bundleStatus = z
  .object({
    version: z.bigint().min(1n),
    sha256: transactionId,
    madeAtMs: atMs,
    offeredOutcome: z.string().max(256),
    offeredDetail: text,
    offeredAtMs: atMs,
  })
  .readonly();

const zoneReported = z.object({
  isolation,
  databaseReady: z.boolean(),
  holders: list(
    z
      .object({
        holder: name,
        connected: z.boolean(),
        heardAtMs: atMs,
        report: holderReported.readonly().optional(),
        alarm: text.optional(),
      })
      .readonly(),
  ),
  lastReportNumber: z.bigint().min(0n),
  metrics: z.string().max(512 * 1024),
  bundle: bundleStatus.optional(),
});

const payout = z
  .object({
    withdrawalId: name,
    attempt: z.number().int().min(1),
    account: name,
    address: name,
    amountSat: satoshi,
  })
  .readonly();

const transactionSigned = z.object({
  taskId: name,
  walletId: name,
  transactionId,
  transaction: someBytes,
  payouts: list(payout).refine((items) => items.length > 0, "must name a payout"),
  spent: list(z.object({ transactionId, vout: count, amountSat: satoshi }).readonly()),
  feeSat: satoshi,
  changeSat: satoshi,
});

const transactionBroadcast = z.object({ transactionId, withdrawals: attempts });
const inBlock = { transactionId, withdrawals: attempts, blockHash, height: count, revision: z.number().int().min(1) };
const transactionIncluded = z.object({ ...inBlock, confirmations: count, requiredConfirmations: count });
const transactionReorged = z.object(inBlock);
const transactionConfirmed = z.object({ ...inBlock, confirmations: count });

const coinObserved = z.object({
  walletId: name,
  transactionId,
  vout: count,
  amountSat: satoshi,
  branch: z.union([z.literal(0), z.literal(1)]),
  index: count,
  blockHash,
  height: count,
  previousTransaction: someBytes,
  revision: count.optional(),
});
const coinVanished = coinObserved.omit({ previousTransaction: true }).required();

const transactionStuck = z.object({
  transactionId,
  withdrawals: list(attempt),
  sinceMs: atMs,
  code: z.enum(["FEE_TOO_LOW", "NOT_IN_MEMPOOL"]),
  wantedSatPerKvbyte: satoshi,
  replacementFeeSat: satoshi,
  descendants: count,
  revision: z.number().int().min(1),
});

const transactionConflicted = z.object({
  transactionId,
  withdrawals: list(attempt),
  outpoint,
  conflictingTransactionId: transactionId,
  own: z.boolean(),
  blockHash: z.union([z.literal(""), blockHash]),
  height: count,
  confirmations: count,
  revision: z.number().int().min(1),
});

const feeEstimated = z.object({
  estimates: list(z.object({ targetBlocks: z.number().int().min(1), satPerKvbyte: satoshi }).readonly()),
  minimumSatPerKvbyte: satoshi,
  estimatedAtMs: atMs,
  nodes: count,
});

const refillRequested = z.object({
  walletId: name,
  missingSat: satoshi,
  waitingWithdrawals: count,
  address: name,
  index: count,
  requestedAtMs: atMs,
  revision: z.number().int().min(1),
});

const codec = <D extends DescMessage, S extends z.ZodType>(wire: D, shape: S) => ({ wire, shape });

const CODECS = {
  "withdrawal.changed.v1": codec(withdrawal.WithdrawalChangedSchema, withdrawalChanged.readonly()),
  "withdrawal.cleared.v1": codec(withdrawal.WithdrawalClearedSchema, withdrawalCleared.readonly()),
  "transaction.planned.v1": codec(transaction.TransactionPlannedSchema, transactionPlanned.readonly()),
  "signing.requested.v1": codec(signing.SigningRequestedSchema, signingRequested.readonly()),
  "signing.started.v1": codec(signing.SigningStartedSchema, signingStarted.readonly()),
  "signing.ordered.v1": codec(signing.SigningOrderedSchema, signingOrdered.readonly()),
  "signing.answered.v1": codec(signing.SigningAnsweredSchema, signingAnswered.readonly()),
  "risk.reported.v1": codec(signing.RiskReportedSchema, riskReported.readonly()),
  "signing.vetoed.v1": codec(signing.SigningVetoedSchema, signingVetoed.readonly()),
  "bundle.offered.v1": codec(zone.BundleOfferedSchema, bundleOffered.readonly()),
  "holder.reported.v1": codec(zone.HolderReportedSchema, holderReported.readonly()),
  "zone.reported.v1": codec(zone.ZoneReportedSchema, zoneReported.readonly()),
  "transaction.signed.v1": codec(transaction.TransactionSignedSchema, transactionSigned.readonly()),
  "transaction.broadcast.v1": codec(transaction.TransactionBroadcastSchema, transactionBroadcast.readonly()),
  "transaction.included.v1": codec(transaction.TransactionIncludedSchema, transactionIncluded.readonly()),
  "transaction.reorged.v1": codec(transaction.TransactionReorgedSchema, transactionReorged.readonly()),
  "transaction.confirmed.v1": codec(transaction.TransactionConfirmedSchema, transactionConfirmed.readonly()),
  "transaction.stuck.v1": codec(transaction.TransactionStuckSchema, transactionStuck.readonly()),
  "transaction.conflicted.v1": codec(transaction.TransactionConflictedSchema, transactionConflicted.readonly()),
  "coin.observed.v1": codec(transaction.CoinObservedSchema, coinObserved.readonly()),
  "coin.vanished.v1": codec(transaction.CoinVanishedSchema, coinVanished.readonly()),
  "fee.estimated.v1": codec(transaction.FeeEstimatedSchema, feeEstimated.readonly()),
  "refill.requested.v1": codec(transaction.RefillRequestedSchema, refillRequested.readonly()),
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
