// The questions to a single node, and the shape that its answers must have. What one node says is a claim and nothing more.
import { z } from "zod";
import { type ConnectionOptions, openConnection, type RpcAnswer } from "./connection.ts";
import { askMempool, type MempoolQuestions } from "./mempools.ts";
import { NodeFault } from "./node-fault.ts";

export type ChainClaim = {
  readonly chain: string;
  readonly height: number;
  readonly hash: string;
  readonly headers: number;
  readonly initialDownload: boolean;
  readonly pruned: boolean;
};

export type FeeClaim = {
  /** In satoshis per 1000 vbytes, by target in blocks; what it has no estimate for is missing. */
  readonly estimates: ReadonlyMap<number, bigint>;
  readonly minimumSatPerKvbyte: bigint;
};

export type NodeClient = MempoolQuestions & {
  readonly chain: () => Promise<ChainClaim>;
  /** Null when its best chain has no block at this height. */
  readonly hashAt: (height: number) => Promise<string | null>;
  /** Null when it knows no such block, or does not have it in its best chain. */
  readonly heightOf: (hash: string) => Promise<number | null>;
  /** The block's bytes; null when it does not have them, as after pruning. */
  readonly rawBlock: (hash: string) => Promise<Uint8Array | null>;
  /** The hash of the block that it has a transaction in; null when it knows of none. Needs its txindex. */
  readonly blockOf: (txid: string) => Promise<string | null>;
  /** Null when it would take the transaction, or else the reason why not, in its own words. */
  readonly refusalOf: (transaction: string) => Promise<string | null>;
  readonly send: (transaction: string) => Promise<RpcAnswer>;
  readonly fees: (targets: readonly number[]) => Promise<FeeClaim>;
  readonly close: () => void;
};

// bitcoind's own codes (rpc/protocol.h).
const MISC_ERROR = -1;
const NOT_FOUND = -5;
const INVALID_PARAMETER = -8;

const hash = z.string().regex(/^[0-9a-f]{64}$/);
const hexadecimal = z
  .string()
  .regex(/^[0-9a-f]+$/)
  .refine((text) => text.length % 2 === 0);
const height = z.number().int().min(0).max(0x7fff_ffff);
const chainShape = z.object({
  chain: z.string().max(64),
  blocks: height,
  headers: height,
  bestblockhash: hash,
  initialblockdownload: z.boolean(),
  pruned: z.boolean(),
});
const headerShape = z.object({ height, confirmations: z.number().int() });
const transactionShape = z.object({ blockhash: hash.optional() });
const acceptShape = z.tuple([
  z.object({
    allowed: z.boolean().optional(),
    "reject-reason": z.string().optional(),
    "package-error": z.string().optional(),
  }),
]);
/** Bitcoin per 1000 vbytes, as a decimal number; nobody pays more than a whole one. */
const rate = z.number().min(0).max(1);
const estimateShape = z.object({ feerate: rate.optional() });
const mempoolShape = z.object({ mempoolminfee: rate, minrelaytxfee: rate });

export function openClient(options: ConnectionOptions): NodeClient {
  const connection = openConnection(options);
  const read = <S extends z.ZodType>(shape: S, method: string, result: unknown): z.output<S> => {
    const parsed = shape.safeParse(result);
    if (parsed.success) return parsed.data;
    throw new NodeFault("nonsense", `${method}: ${z.prettifyError(parsed.error).replaceAll("\n", " ")}`);
  };
  /** Null for the refusals that are answers too: what was asked for is not there. */
  const find = async <S extends z.ZodType>(
    shape: S,
    absent: readonly number[],
    method: string,
    ...params: unknown[]
  ) => {
    const answer = await connection.ask(method, params);
    if (answer.ok) return read(shape, method, answer.result);
    const { code, message } = answer.refusal;
    if (absent.includes(code)) return null;
    throw new NodeFault("refused", `${method}: ${message} (${code})`);
  };
  const must = async <S extends z.ZodType>(shape: S, method: string, ...params: unknown[]) => {
    const found = await find(shape, [], method, ...params);
    if (found === null) throw new NodeFault("nonsense", `${method}: nothing`);
    return found;
  };
  return {
    ...askMempool({ find, must }),
    chain: async () => {
      const { chain, blocks, headers, bestblockhash, initialblockdownload, pruned } = await must(
        chainShape,
        "getblockchaininfo",
      );
      return { chain, height: blocks, hash: bestblockhash, headers, initialDownload: initialblockdownload, pruned };
    },
    hashAt: (at) => find(hash, [INVALID_PARAMETER], "getblockhash", at),
    heightOf: async (of) => {
      const header = await find(headerShape, [NOT_FOUND], "getblockheader", of, true);
      return header === null || header.confirmations < 1 ? null : header.height;
    },
    rawBlock: async (of) => {
      const hex = await find(hexadecimal, [NOT_FOUND, MISC_ERROR], "getblock", of, 0);
      return hex === null ? null : Buffer.from(hex, "hex");
    },
    blockOf: async (txid) =>
      (await find(transactionShape, [NOT_FOUND], "getrawtransaction", txid, true))?.blockhash ?? null,
    refusalOf: async (transaction) => {
      const [tested] = await must(acceptShape, "testmempoolaccept", [transaction]);
      if (tested.allowed === true) return null;
      return tested["reject-reason"] ?? tested["package-error"] ?? "no reason given";
    },
    send: (transaction) => connection.ask("sendrawtransaction", [transaction]),
    fees: async (targets) => {
      const mempool = await must(mempoolShape, "getmempoolinfo");
      const estimates = await Promise.all(
        targets.map(async (target) => {
          const { feerate } = await must(estimateShape, "estimatesmartfee", target, "conservative");
          return feerate === undefined || feerate === 0 ? [] : [[target, satoshis(feerate)] as const];
        }),
      );
      const { mempoolminfee, minrelaytxfee } = mempool;
      return {
        estimates: new Map(estimates.flat()),
        minimumSatPerKvbyte: satoshis(Math.max(mempoolminfee, minrelaytxfee)),
      };
    },
    close: connection.close,
  };
}

function satoshis(bitcoins: number): bigint {
  return BigInt(Math.round(bitcoins * 100_000_000));
}
