// The shape of every message, narrowed from what protobuf makes of its bytes.
import { z } from "zod";
import {
  atMs,
  attempt,
  blockHash,
  bytes,
  count,
  list,
  name,
  outpoint,
  satoshi,
  someBytes,
  text,
  transactionId,
} from "./shape-parts.ts";

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
/** Empty: it pays withdrawals. A transaction that pays nobody has to say so, so that nothing is left out unseen. */
const purpose = z.enum(["", "internal"]).optional();
const replaces = z.union([z.literal(""), transactionId]).optional();
type Paying = { readonly purpose?: "" | "internal" | undefined; readonly withdrawals: readonly unknown[] };
const paysWhatItSays = ({ purpose: said, withdrawals }: Paying) => (said === "internal") === (withdrawals.length === 0);
const PURPOSE = { error: "must name withdrawals, or be internal", path: ["withdrawals"] };
const aboutWithdrawal = z.object({ withdrawalId: z.string().max(256), finding }).readonly();

/** Twice as many as a tier may ask for, so that a clearance keeps its place in a message of the bridge. */
const MOST_APPROVALS = 20;

export const withdrawalCleared = z.object({
  withdrawalId: name,
  request: signedRequestSchema,
  findings: list(finding),
  clearedAtMs: atMs,
  customerFeeMinor: z
    .string()
    .regex(/^[1-9][0-9]{0,77}$/, "must be decimal digits above zero")
    .optional(),
  approvals: z.array(signedRequestSchema).max(MOST_APPROVALS).readonly().optional(),
});

export const withdrawalChanged = z.object({
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

export const transactionPlanned = z
  .object({
    taskId: name,
    walletId: name,
    transactionId,
    withdrawals: list(attempt),
    feeSat: satoshi,
    vbytes: count,
    purpose,
    replaces,
  })
  .refine(paysWhatItSays, PURPOSE);

export const signingRequested = z
  .object({
    taskId: name,
    walletId: name,
    psbt: someBytes,
    withdrawals: list(z.object({ clearance: someBytes, attempt: z.number().int().min(1) }).readonly()),
    purpose,
  })
  .refine(paysWhatItSays, PURPOSE);

export const signingStarted = z.object({ taskId: name, transactionId, withdrawals: list(attempt) });

export const signingOrdered = z
  .object({
    taskId: name,
    walletId: name,
    holder: name,
    round: z.number().int().min(1),
    transactionId,
    psbt: someBytes,
    withdrawals: list(z.object({ withdrawalId: name, anchor: outpoint, clearance: someBytes }).readonly()),
    seenRecords: z.bigint().min(0n).optional(),
    seenHead: text.optional(),
    purpose,
  })
  .refine(paysWhatItSays, PURPOSE);

const holderRefusal = z.object({ code: name, reason: text, signedBefore: z.boolean().optional() }).readonly();

const inputSignature = z.object({ input: count, publicKey: someBytes, signature: someBytes }).readonly();

export const signingAnswered = z.object({
  taskId: name,
  round: z.number().int().min(1),
  transactionId,
  answer: z.discriminatedUnion("case", [
    z.object({ case: z.literal("signatures"), value: z.object({ inputs: list(inputSignature) }).readonly() }),
    z.object({ case: z.literal("refusal"), value: holderRefusal }),
  ]),
});

export const riskReported = z.object({
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
  orderedBefore: list(name).optional(),
  anchors: list(z.object({ withdrawalId: name, anchor: outpoint }).readonly()).optional(),
});

const isolation = z.object({ noIp: z.boolean(), detail: text }).readonly();

export const holderReported = z.object({
  holder: name,
  state: z.enum(["locked", "serving"]),
  isolation,
  journalRecords: z.bigint().min(0n),
  journalHead: text,
  journalRefusals: z.bigint().min(0n).optional(),
  metrics: z.string().max(512 * 1024),
});

export const signingVetoed = z.object({ taskId: name, holder: name, person: name, reason: z.string().max(1_000) });

export const bundleOffered = z.object({ bundle: someBytes });

export const labelsOffered = z.object({ update: someBytes });

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

export const zoneReported = z.object({
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

export const transactionSigned = z
  .object({
    taskId: name,
    walletId: name,
    transactionId,
    transaction: someBytes,
    payouts: list(payout),
    spent: list(z.object({ transactionId, vout: count, amountSat: satoshi }).readonly()),
    feeSat: satoshi,
    changeSat: satoshi,
    purpose,
    replaces,
  })
  .refine(({ purpose: said, payouts }) => paysWhatItSays({ purpose: said, withdrawals: payouts }), PURPOSE);

// From here on no withdrawals are an internal transfer's.
export const transactionBroadcast = z.object({ transactionId, withdrawals: list(attempt) });
const inBlock = {
  transactionId,
  withdrawals: list(attempt),
  blockHash,
  height: count,
  revision: z.number().int().min(1),
};
export const transactionIncluded = z.object({ ...inBlock, confirmations: count, requiredConfirmations: count });
export const transactionReorged = z.object(inBlock);
export const transactionConfirmed = z.object({ ...inBlock, confirmations: count });

export const coinObserved = z.object({
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
export const coinVanished = coinObserved.omit({ previousTransaction: true }).required();

export const transactionStuck = z.object({
  transactionId,
  withdrawals: list(attempt),
  sinceMs: atMs,
  code: z.enum(["FEE_TOO_LOW", "NOT_IN_MEMPOOL", "UNACCEPTABLE"]),
  wantedSatPerKvbyte: satoshi,
  replacementFeeSat: satoshi,
  descendants: count,
  revision: z.number().int().min(1),
  refusalCode: z.string().max(256).optional(),
  stopsLane: z.boolean().optional(),
});

export const feeEstimated = z.object({
  estimates: list(z.object({ targetBlocks: z.number().int().min(1), satPerKvbyte: satoshi }).readonly()),
  minimumSatPerKvbyte: satoshi,
  estimatedAtMs: atMs,
  nodes: count,
});

/** Read as a signal by whoever knows signals. */
export const accountSignalled = z.object({ signal: z.string().min(2).max(4_096) });

export const suspensionChanged = z.object({
  suspensionId: name,
  kind: z.enum(["account", "destination", "asset", "wallet", "all"]),
  values: list(text),
  isStanding: z.boolean(),
  changedAtMs: atMs,
  reason: text.optional(),
  saidBy: list(name).optional(),
  suspendedBy: text.optional(),
  suspendedAtMs: atMs.optional(),
});

export const databaseMarked = z.object({ service: name, mark: z.bigint().min(1n), markedAtMs: atMs });

export const recallRequested = z.object({ sinceMs: atMs });

export const refillRequested = z.object({
  walletId: name,
  missingSat: satoshi,
  waitingWithdrawals: count,
  address: name,
  index: count,
  requestedAtMs: atMs,
  revision: z.number().int().min(1),
});

export const messageReceived = z.object({
  received: list(z.object({ type: name, ids: list(name) }).readonly()),
});
