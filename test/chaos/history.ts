// What a run leaves behind, as one document: what the API was asked and answered, what the chain says, what services say.
import { z } from "@sluice/runtime";

const hex = z.string().regex(/^([0-9a-f]{2})+$/);
const txid = z.string().regex(/^[0-9a-f]{64}$/);
const outpoint = z.string().regex(/^[0-9a-f]{64}:[0-9]+$/);
/** Satoshi as decimal text: the document is JSON. */
const sat = z.string().regex(/^-?[0-9]+$/);

/** The harness's own record, made by whoever posted. */
const requestSchema = z
  .object({
    id: z.string(),
    account: z.string(),
    address: z.string(),
    script: hex,
    amountSat: sat,
    /** "none" when no definite answer ever came. */
    answer: z.enum(["accepted", "refused", "none"]),
    /** What ought to become of it, as whoever made the load knows. "either": a rule may refuse it, for good, or it is paid. */
    due: z.enum(["paid", "unpaid", "either"]),
  })
  .readonly();

const transactionSchema = z
  .object({
    txid,
    spends: z.array(outpoint).readonly(),
    pays: z.array(z.object({ script: hex, amountSat: sat }).readonly()).readonly(),
  })
  .readonly();

/** Without its coinbase. */
const blockSchema = z
  .object({ height: z.number().int(), hash: txid, previous: txid, transactions: z.array(transactionSchema).readonly() })
  .readonly();

const servicesSchema = z
  .object({
    /** By the API's list. */
    withdrawals: z
      .array(
        z
          .object({
            id: z.string(),
            account: z.string(),
            address: z.string(),
            amountSat: sat,
            state: z.string(),
            txid: z.string().nullable(),
          })
          .readonly(),
      )
      .readonly(),
    ledger: z
      .object({
        driftSat: sat,
        balances: z.array(z.object({ account: z.string(), asset: z.string(), amountMinor: sat }).readonly()).readonly(),
        payouts: z
          .array(
            z
              .object({
                withdrawalId: z.string(),
                account: z.string(),
                amountSat: sat,
                standing: z.string(),
                postedBy: z.string().nullable(),
              })
              .readonly(),
          )
          .readonly(),
        /** Transfers that posted a payout, or paid a fee, as the ledger's entries have them. */
        transfers: z.array(z.object({ kind: z.string(), about: z.string(), amountSat: sat }).readonly()).readonly(),
      })
      .readonly(),
    vault: z
      .object({
        reservations: z.array(outpoint).readonly(),
        unspentCoins: z.array(outpoint).readonly(),
        openTasks: z.array(z.string()).readonly(),
        parkedReports: z.array(z.string()).readonly(),
      })
      .readonly(),
    /** service/topic/code of each. */
    deadLetters: z.array(z.string()).readonly(),
    /** What a person did, which nobody may have to. */
    repairs: z.array(z.string()).readonly(),
  })
  .readonly();

export const historySchema = z
  .object({
    seed: z.number().int(),
    requiredConfirmations: z.number().int().min(1),
    requests: z.array(requestSchema).readonly(),
    /** Every script of the wallet's two branches that may have been paid. */
    walletScripts: z.array(hex).readonly(),
    /** The best chain, oldest first, from before the wallet had its first coin. */
    blocks: z.array(blockSchema).readonly(),
    /** What waits for a block at the node. */
    mempool: z.array(transactionSchema).readonly(),
    services: servicesSchema,
  })
  .readonly();

export type History = z.infer<typeof historySchema>;
export type Request = History["requests"][number];
export type Block = History["blocks"][number];
export type ChainTransaction = Block["transactions"][number];
export type Services = History["services"];
