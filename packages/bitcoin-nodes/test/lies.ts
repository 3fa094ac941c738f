// Every way in which the tests let a node lie, by name.
import type { HealthWord } from "../src/node-fault.ts";
import type { Lie, Told } from "./lying-node.ts";
import type { Truth } from "./world.ts";

export type NamedLie = {
  readonly name: string;
  /** Whoever believes one node alone is misled by it. The others are seen through even then, or only keep silent. */
  readonly misleads: boolean;
  /** It gives no answer, and is waited for no longer than the node's time-out. */
  readonly isSilent?: true;
  /** What its health is called then, among honest ones; undefined where it depends on what it was asked last. */
  readonly word?: HealthWord;
  readonly lie: (truth: Truth) => Lie;
};

const result = (value: unknown): Told => ({ result: value });
const refusal = (code: number, message: string): Told => ({ error: { code, message } });
const hashLike = (seed: number): string => seed.toString(16).padStart(64, "0");
/** Answers one question falsely, from what the real node says to it. */
const changing =
  (method: string, change: (value: never, params: readonly unknown[]) => unknown): Lie =>
  async (asked, truth) =>
    asked.method === method ? result(change((await truth()) as never, asked.params)) : undefined;
const replacing =
  (answers: Readonly<Record<string, (params: readonly unknown[]) => Told | undefined>>): Lie =>
  ({ method, params }) =>
    answers[method]?.(params);
const always =
  (told: Told): Lie =>
  () =>
    told;
const flip = (hex: string, at: number): string => {
  const bytes = Buffer.from(hex, "hex");
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  return bytes.toString("hex");
};

/** A whole chain with one block more, made by a real node with real work, that pays what was never paid. */
const inventedChain =
  ({ height, invented, pending }: Truth): Lie =>
  async ({ method, params }, truth) => {
    const [asked] = params;
    const about = (await truth().catch(() => null)) as Readonly<Record<string, unknown>> | null;
    if (method === "getblockchaininfo")
      return result({ ...about, blocks: height + 1, headers: height + 1, bestblockhash: invented.hash });
    if (method === "getblockhash" && asked === height + 1) return result(invented.hash);
    if (method === "getblockheader" && asked === invented.hash) return result({ height: height + 1, confirmations: 1 });
    if (method === "getblock" && asked === invented.hash) return result(invented.hex);
    if (method === "getrawtransaction" && asked === pending.txid) return result({ blockhash: invented.hash });
    return undefined;
  };

export const LIES: readonly NamedLie[] = [
  // Of the chain.
  { name: "an invented block on top, with all that belongs to it", misleads: true, lie: inventedChain },
  {
    name: "a tip far above all others",
    misleads: true,
    word: "ahead",
    lie: ({ height }) =>
      replacing({
        getblockchaininfo: () =>
          result({ ...CHAIN, blocks: height + 1_000, headers: height + 1_000, bestblockhash: hashLike(1) }),
        getblockhash: ([at]) => (Number(at) > height ? result(hashLike(Number(at))) : undefined),
      }),
  },
  {
    name: "a tip that nobody has",
    misleads: true,
    word: "fork",
    lie: ({ height }) =>
      replacing({
        getblockchaininfo: () => result({ ...CHAIN, blocks: height, headers: height, bestblockhash: hashLike(2) }),
        getblockhash: ([at]) => (at === height ? result(hashLike(2)) : undefined),
      }),
  },
  {
    name: "an old tip",
    misleads: true,
    word: "behind",
    lie: ({ height, hashes }) =>
      replacing({
        getblockchaininfo: () =>
          result({ ...CHAIN, blocks: height - 50, headers: height - 50, bestblockhash: hashes[height - 50] }),
        getblockhash: ([at]) => (Number(at) > height - 50 ? refusal(-8, "Block height out of range") : undefined),
      }),
  },
  {
    name: "a fork of ten blocks",
    misleads: true,
    word: "fork",
    lie: ({ height }) =>
      replacing({
        getblockchaininfo: () =>
          result({ ...CHAIN, blocks: height + 2, headers: height + 2, bestblockhash: hashLike(height + 2) }),
        getblockhash: ([at]) => (Number(at) > height - 8 ? result(hashLike(Number(at))) : undefined),
      }),
  },
  {
    name: "another network's name",
    misleads: false,
    word: "wrong-network",
    lie: () => changing("getblockchaininfo", (was: object) => ({ ...was, chain: "main" })),
  },
  {
    name: "another first block",
    misleads: false,
    word: "wrong-network",
    lie: () => replacing({ getblockhash: ([at]) => (at === 0 ? result(hashLike(3)) : undefined) }),
  },
  {
    name: "a download that never ends",
    misleads: false,
    word: "behind",
    lie: () =>
      changing("getblockchaininfo", (was: object) => ({ ...was, initialblockdownload: true, headers: 900_000 })),
  },
  {
    name: "another hash at every height",
    misleads: true,
    lie: () => replacing({ getblockhash: ([at]) => (at === 0 ? undefined : result(hashLike(7_000 + Number(at)))) }),
  },
  {
    name: "no block at any height",
    misleads: true,
    lie: () => replacing({ getblockhash: ([at]) => (at === 0 ? undefined : refusal(-8, "Block height out of range")) }),
  },
  {
    name: "each hash one height late",
    misleads: true,
    lie: ({ hashes }) => replacing({ getblockhash: ([at]) => (at === 0 ? undefined : result(hashes[Number(at) - 1])) }),
  },
  {
    name: "a block that left the chain",
    misleads: true,
    lie: () => changing("getblockheader", (was: object) => ({ ...was, confirmations: -1 })),
  },
  {
    name: "a block at another height",
    misleads: true,
    lie: () => changing("getblockheader", (was: { height: number }) => ({ ...was, height: was.height + 1 })),
  },
  // Of transactions.
  {
    name: "a confirmation in a block that does not hold it",
    misleads: false,
    word: "false",
    lie: ({ pending, hashes, height }) =>
      replacing({
        getrawtransaction: ([txid]) => (txid === pending.txid ? result({ blockhash: hashes[height] }) : undefined),
      }),
  },
  {
    name: "a confirmation in a block of nobody",
    misleads: false,
    word: "false",
    lie: ({ pending }) =>
      replacing({
        getrawtransaction: ([txid]) => (txid === pending.txid ? result({ blockhash: hashLike(5) }) : undefined),
      }),
  },
  {
    name: "a confirmed transaction not found",
    misleads: true,
    lie: () => replacing({ getrawtransaction: () => refusal(-5, "No such mempool or blockchain transaction") }),
  },
  // Of blocks' bytes: whoever checks them sees through these alone.
  {
    name: "the bytes of another block",
    misleads: false,
    word: "false",
    lie: ({ invented }) => replacing({ getblock: () => result(invented.hex) }),
  },
  {
    name: "a flipped byte in a transaction",
    misleads: false,
    word: "false",
    lie: () => changing("getblock", (hex: string) => flip(hex, hex.length / 2 - 30)),
  },
  {
    name: "a flipped byte in a header",
    misleads: false,
    word: "false",
    lie: () => changing("getblock", (hex: string) => flip(hex, 40)),
  },
  {
    name: "a block cut short",
    misleads: false,
    word: "false",
    lie: () => changing("getblock", (hex: string) => hex.slice(0, -20)),
  },
  {
    name: "a block with its last transaction twice",
    misleads: false,
    word: "false",
    lie: ({ doubled }) => replacing({ getblock: () => result(doubled) }),
  },
  {
    name: "a pruned block",
    misleads: false,
    lie: () => replacing({ getblock: () => refusal(-1, "Block not available (pruned data)") }),
  },
  {
    name: "bytes that are no hexadecimal",
    misleads: false,
    lie: () => replacing({ getblock: () => result("no block at all") }),
  },
  // Of sending.
  {
    name: "accepted, and dropped",
    misleads: true,
    lie: ({ pending }) =>
      replacing({
        testmempoolaccept: () => result([{ allowed: true }]),
        sendrawtransaction: () => result(pending.txid),
      }),
  },
  { name: "in the mempool already", misleads: true, lie: () => rejecting("txn-already-in-mempool") },
  { name: "in the chain already", misleads: true, lie: () => rejecting("txn-already-known") },
  { name: "refused as invalid", misleads: true, lie: () => rejecting("bad-txns-in-belowout") },
  { name: "refused for its fee", misleads: true, lie: () => rejecting("mempool min fee not met") },
  { name: "refused for a reason that nobody knows", misleads: true, lie: () => rejecting("because") },
  {
    name: "taken, and then silent",
    misleads: false,
    isSilent: true,
    lie:
      () =>
      async ({ method }, truth) => {
        if (method === "testmempoolaccept") return result([{ allowed: true }]);
        if (method !== "sendrawtransaction") return undefined;
        await truth().catch(() => undefined);
        return { how: "silence" };
      },
  },
  // Of fees.
  {
    name: "a huge estimate",
    misleads: true,
    lie: () => replacing({ estimatesmartfee: () => result({ feerate: 0.9, blocks: 2 }) }),
  },
  {
    name: "an estimate of nothing",
    misleads: true,
    lie: () => replacing({ estimatesmartfee: () => result({ feerate: 0.00000001, blocks: 2 }) }),
  },
  {
    name: "a huge least fee",
    misleads: true,
    lie: () => changing("getmempoolinfo", (was: object) => ({ ...was, mempoolminfee: 0.5 })),
  },
  {
    name: "no least fee",
    misleads: true,
    lie: () => changing("getmempoolinfo", (was: object) => ({ ...was, mempoolminfee: 0, minrelaytxfee: 0 })),
  },
  // Of form.
  { name: "half an answer", misleads: false, word: "unreachable", lie: () => always({ how: "half" }) },
  {
    name: "a page of HTML",
    misleads: false,
    word: "nonsense",
    lie: () => always({ raw: "<html><body>Welcome</body></html>", status: 200 }),
  },
  { name: "credentials refused", misleads: false, word: "unauthorised", lie: () => always({ raw: "", status: 401 }) },
  {
    name: "too much to do",
    misleads: false,
    word: "slow",
    lie: () => always({ raw: "Work queue depth exceeded", status: 503 }),
  },
  { name: "an endless body", misleads: false, isSilent: true, lie: () => always({ how: "endless" }) },
  {
    name: "one byte after the other",
    misleads: false,
    isSilent: true,
    word: "slow",
    lie: () => always({ how: "slowly" }),
  },
  { name: "silence", misleads: false, isSilent: true, word: "slow", lie: () => always({ how: "silence" }) },
  { name: "a reset connection", misleads: false, word: "unreachable", lie: () => always({ how: "reset" }) },
  {
    name: "the answer to another question",
    misleads: false,
    word: "nonsense",
    lie: () => always({ how: "another-id" }),
  },
  { name: "nothing for everything", misleads: false, word: "nonsense", lie: () => always(result(null)) },
  { name: "text for everything", misleads: false, word: "nonsense", lie: () => always(result("yes")) },
  {
    name: "numbers that are none",
    misleads: false,
    word: "nonsense",
    lie: () => changing("getblockchaininfo", (was: object) => ({ ...was, blocks: -1, headers: 1e308 })),
  },
  {
    name: "starting, for ever",
    misleads: false,
    word: "warming-up",
    lie: () => always(refusal(-28, "Loading block index")),
  },
  {
    name: "an error of its own",
    misleads: false,
    word: "refused",
    lie: () => always(refusal(-32_603, "Internal error")),
  },
];

const CHAIN = { chain: "regtest", initialblockdownload: false, pruned: false };

function rejecting(reason: string): Lie {
  return replacing({ testmempoolaccept: () => result([{ allowed: false, "reject-reason": reason }]) });
}
