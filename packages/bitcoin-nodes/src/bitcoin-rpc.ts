// JSON-RPC to bitcoind. What the node refuses is a value with its code; what did not come through is an error.
import { z } from "zod";

export type RpcRefusal = { readonly code: number; readonly message: string };

export type RpcAnswer =
  | { readonly ok: true; readonly result: unknown }
  | { readonly ok: false; readonly refusal: RpcRefusal };

/** The node did not answer, or not in JSON: whether it did what was asked is unknown. */
export class NodeUnreachable extends Error {
  readonly code = "NODE_UNREACHABLE";
}

/** The node answered, but not this: it is warming up, or not set up as it must be. */
export class NodeRefused extends Error {
  readonly code = "NODE_REFUSED";
}

export type Block = {
  readonly hash: string;
  readonly height: number;
  readonly previousHash: string | null;
  readonly transactions: readonly Uint8Array[];
};

export type BitcoinNode = {
  readonly tipHeight: () => Promise<number>;
  /** Null when the best chain has no block at this height. */
  readonly hashAt: (height: number) => Promise<string | null>;
  readonly block: (hash: string) => Promise<Block>;
  /** The hash of the block that holds a transaction; null when none is known to. Needs the node's txindex. */
  readonly blockOf: (txid: string) => Promise<string | null>;
  readonly send: (transaction: Uint8Array) => Promise<RpcAnswer>;
};

export type NodeOptions = {
  readonly url: string;
  readonly user: string;
  readonly password: string;
  /** Nothing is waited for once this is aborted. */
  readonly stopping: AbortSignal;
  readonly onAnswer?: (method: string, outcome: "ok" | "refused" | "unreachable") => void;
};

// bitcoind's own codes (rpc/protocol.h).
const INVALID_PARAMETER = -8;
const NOT_FOUND = -5;
const ANSWER_WITHIN_MS = 30_000;

const envelope = z.object({
  result: z.unknown(),
  error: z.object({ code: z.number(), message: z.string() }).nullable().optional(),
});
const blockShape = z.object({
  hash: z.string(),
  height: z.number().int(),
  previousblockhash: z.string().optional(),
  tx: z.array(z.object({ hex: z.string() })),
});
const transactionShape = z.object({ blockhash: z.string().optional() });

export function openNode(options: NodeOptions): BitcoinNode {
  /** Null for the refusal that is an answer too: what was asked for is not there. */
  const find = async <S extends z.ZodType>(shape: S, absent: number, method: string, ...params: readonly unknown[]) => {
    const answer = await ask(options, method, params);
    if (answer.ok) return shape.parse(answer.result);
    const { code, message } = answer.refusal;
    if (code === absent) return null;
    throw new NodeRefused(`bitcoind refused ${method}: ${message} (${code})`);
  };
  const must = async <S extends z.ZodType>(shape: S, method: string, ...params: readonly unknown[]) => {
    const found = await find(shape, Number.NaN, method, ...params);
    if (found === null) throw new NodeRefused(`bitcoind answered ${method} with nothing`);
    return found;
  };
  return {
    tipHeight: () => must(z.number().int(), "getblockcount"),
    hashAt: (height) => find(z.string(), INVALID_PARAMETER, "getblockhash", height),
    block: async (hash) => {
      const block = await must(blockShape, "getblock", hash, 2);
      return {
        hash: block.hash,
        height: block.height,
        previousHash: block.previousblockhash ?? null,
        transactions: block.tx.map(({ hex }) => Buffer.from(hex, "hex")),
      };
    },
    blockOf: async (txid) =>
      (await find(transactionShape, NOT_FOUND, "getrawtransaction", txid, true))?.blockhash ?? null,
    send: (transaction) => ask(options, "sendrawtransaction", [Buffer.from(transaction).toString("hex")]),
  };
}

async function ask(options: NodeOptions, method: string, params: readonly unknown[]): Promise<RpcAnswer> {
  const credentials = Buffer.from(`${options.user}:${options.password}`).toString("base64");
  let answer: z.output<typeof envelope>;
  try {
    const response = await fetch(options.url, {
      method: "POST",
      headers: { authorization: `Basic ${credentials}`, "content-type": "application/json" },
      body: JSON.stringify({ jsonrpc: "1.0", id: method, method, params }),
      signal: AbortSignal.any([options.stopping, AbortSignal.timeout(ANSWER_WITHIN_MS)]),
    });
    if (response.status === 401 || response.status === 403) throw new Error("the node refuses our credentials");
    answer = envelope.parse(await response.json());
  } catch (error) {
    options.onAnswer?.(method, "unreachable");
    throw new NodeUnreachable(`no answer to ${method}: ${reasonOf(error)}`, { cause: error });
  }
  options.onAnswer?.(method, answer.error ? "refused" : "ok");
  return answer.error ? { ok: false, refusal: answer.error } : { ok: true, result: answer.result };
}

/** fetch itself says no more than "fetch failed"; what failed is in its cause. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  if (!(cause instanceof Error)) return error.message;
  const code = "code" in cause ? String(cause.code) : cause.name;
  return `${error.message}: ${cause.message || code}`;
}
