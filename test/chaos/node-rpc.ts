// Questions to bitcoind, asked again while it is away: for the harness, which outlives it.
import { setTimeout as delay } from "node:timers/promises";

export type NodeRpc = {
  /** Rejects with the node's own words when it refuses, and when it does not answer. */
  readonly ask: <T>(method: string, ...params: readonly unknown[]) => Promise<T>;
  /** Asks until there is an answer. */
  readonly insist: <T>(method: string, ...params: readonly unknown[]) => Promise<T>;
};

export class NodeRefusal extends Error {
  readonly code: number;

  constructor(method: string, { code, message }: { readonly code: number; readonly message: string }) {
    super(`bitcoind ${method}: ${message} (${code})`);
    this.code = code;
  }
}

const AGAIN_AFTER_MS = 100;
const ANSWER_WITHIN_MS = 30_000;
/** bitcoind's own code for "still starting" (rpc/protocol.h). */
const WARMING_UP = -28;

export function openNodeRpc(rpcUrl: string): NodeRpc {
  const { origin, username, password } = new URL(rpcUrl);
  const credentials = Buffer.from(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`);
  const authorization = `Basic ${credentials.toString("base64")}`;
  const ask: NodeRpc["ask"] = async <T>(method: string, ...params: readonly unknown[]) => {
    const response = await fetch(origin, {
      method: "POST",
      headers: { authorization, "content-type": "application/json" },
      body: JSON.stringify({ jsonrpc: "1.0", id: "chaos", method, params }),
      signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
    });
    const { result, error } = (await response.json()) as Answer<T>;
    if (error) throw new NodeRefusal(method, error);
    return result;
  };
  return {
    ask,
    insist: async <T>(method: string, ...params: readonly unknown[]) => {
      for (;;) {
        try {
          return await ask<T>(method, ...params);
        } catch (error) {
          if (error instanceof NodeRefusal && error.code !== WARMING_UP) throw error;
          await delay(AGAIN_AFTER_MS);
        }
      }
    },
  };
}

type Answer<T> = { readonly result: T; readonly error: { readonly code: number; readonly message: string } | null };
