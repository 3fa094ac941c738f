// The shapes of messages about a transaction that another one stands in the way of, and of a withdrawal that failed by that.
import { z } from "zod";
import { signedRequestSchema } from "./message-shapes.ts";
import { atMs, attempt, blockHash, count, list, name, outpoint, someBytes, transactionId } from "./shape-parts.ts";

const inBlock = z.union([z.literal(""), blockHash]);

const spentElsewhere = z
  .object({ outpoint, transactionId, own: z.boolean(), blockHash: inBlock, height: count, confirmations: count })
  .readonly();

export type SpentElsewhere = z.output<typeof spentElsewhere>;

export const transactionConflicted = z
  .object({
    transactionId: z.union([z.literal(""), transactionId]),
    withdrawals: list(attempt),
    outpoint,
    conflictingTransactionId: transactionId,
    own: z.boolean(),
    blockHash: inBlock,
    height: count,
    confirmations: count,
    revision: z.number().int().min(1),
    walletId: z.string().max(256).optional(),
    spent: list(spentElsewhere).optional(),
    requiredConfirmations: count.optional(),
  })
  .refine(({ transactionId: ours, walletId = "" }) => (ours === "") === (walletId !== ""), {
    error: "must name a transaction of ours, or a wallet",
  });

export const withdrawalFailed = z.object({
  withdrawalId: name,
  account: name,
  asset: name,
  amountMinor: z.string().regex(/^[1-9][0-9]*$/, "must be decimal digits above zero"),
  outpoint,
  conflictingTransactionId: transactionId,
  conflict: someBytes,
  requests: z.array(signedRequestSchema).min(2).max(16).readonly(),
  failedAtMs: atMs,
});
