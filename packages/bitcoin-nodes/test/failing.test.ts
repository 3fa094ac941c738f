// Real nodes that fail as nodes do: restarted, behind, on a fork, pruned, of another chain, away. Each has its outcome.
import { setTimeout } from "node:timers/promises";
import { type Parts, startParts } from "@sluice/devstack";
import { afterAll, beforeAll, expect, it, onTestFinished } from "vitest";
import type { NodeHealth } from "../src/member.ts";
import { type HealthWord, NoQuorum } from "../src/node-fault.ts";
import { type Nodes, openNodes } from "../src/nodes.ts";
import { askNode } from "./lying-node.ts";
import { nodeAt } from "./world.ts";

let parts: Parts<"bitcoind">;
let first: string;
let second: string;
let pruned: string;

const PATIENT_MS = 30_000;
/** bitcoind keeps at least so many blocks. */
const KEPT_BLOCKS = 288;
/** More than one of its files holds (-fastprune): only whole files go. */
const FILE_BLOCKS = 320;

beforeAll(async () => {
  const pruning = { prune: 1, fastprune: 1, txindex: 0 };
  parts = await startParts({ log: () => undefined, which: ["bitcoind"], own: true, bitcoindPeers: [{}, pruning] });
  first = parts.bitcoind.rpcUrl;
  [second = "", pruned = ""] = parts.bitcoind.peers.map(({ rpcUrl }) => rpcUrl);
  await mine(first, KEPT_BLOCKS + FILE_BLOCKS);
  for (const node of [second, pruned]) await until(async () => (await height(node)) === (await height(first)));
});
afterAll(() => parts.stop());

async function rpc<T>(url: string, method: string, ...params: readonly unknown[]): Promise<T> {
  const { result, error } = await askNode(url, method, params);
  if (error !== null) throw new Error(`bitcoind ${method}: ${error.message}`);
  return result as T;
}
const mine = (url: string, blocks: number, to = "51") =>
  rpc<string[]>(url, "generatetodescriptor", blocks, `raw(${to})`);
const height = (url: string) => rpc<number>(url, "getblockcount");
const hashAt = (url: string, at: number) => rpc<string>(url, "getblockhash", at);

async function until(holds: () => Promise<boolean>): Promise<void> {
  for (const givenUpAt = performance.now() + 45_000; !(await holds()); await setTimeout(20)) {
    if (performance.now() > givenUpAt) throw new Error("it never held");
  }
}

type Opened = Nodes & { readonly words: () => Readonly<Record<string, HealthWord>>; readonly changes: NodeHealth[] };

function open(urls: Readonly<Record<string, string>>, quorum = 2): Opened {
  const changes: NodeHealth[] = [];
  const nodes = openNodes({
    nodes: Object.entries(urls).map(([name, url]) => nodeAt(name, url, PATIENT_MS)),
    quorum,
    network: "regtest",
    graceMs: PATIENT_MS,
    stopping: new AbortController().signal,
    onHealth: (_, after) => changes.push(after),
  });
  onTestFinished(nodes.close);
  const words = () => Object.fromEntries(nodes.health().map(({ node, word }) => [node, word]));
  return { ...nodes, words, changes };
}

/** Looks until a node is called so. */
const called = (nodes: Opened, name: string, word: HealthWord) =>
  until(async () => {
    await nodes.tipHeight().catch(() => undefined);
    return nodes.words()[name] === word;
  });

async function away(url: string, use: () => Promise<void>): Promise<void> {
  await rpc(url, "setnetworkactive", false);
  try {
    await use();
  } finally {
    await rpc(url, "setnetworkactive", true);
    await until(
      async () =>
        (await hashAt(url, await height(first)).catch(() => "")) === (await hashAt(first, await height(first))),
    );
  }
}

it("a node that is restarted is missed, named once, and counts again when it is back", async () => {
  const process = parts.bitcoind.peers[0]?.process;
  if (process === undefined) throw new Error("the nodes were started here");
  const two = open({ first, second });
  const three = open({ first, second, pruned });
  await called(two, "second", "ok");
  await called(three, "second", "ok");
  await process.kill();
  await expect(two.tipHeight()).rejects.toThrow(NoQuorum);
  expect(two.words()).toEqual({ first: "ok", second: "unreachable" });
  // Two of three are enough, for everything.
  await mine(first, 1);
  const at = await height(first);
  await until(async () => (await three.tipHeight()) === at);
  expect(await three.hashAt(at)).toBe(await hashAt(first, at));
  expect((await three.block(await hashAt(first, at))).height).toBe(at);
  await process.start();
  await called(two, "second", "ok");
  await until(async () => (await two.tipHeight()) === at);
  const told = two.changes.filter(({ node }) => node === "second").map(({ word }) => word);
  // It may have been met while it was starting and catching up; each change was told once, and none twice.
  expect(told.slice(0, 2)).toEqual(["ok", "unreachable"]);
  expect(told.filter((word, index) => word === told[index - 1])).toEqual([]);
  expect(told.filter((word) => word === "unreachable")).toHaveLength(1);
  expect(told.at(-1)).toBe("ok");
});

it("a node that is behind is named, and neither hides blocks from two others nor lets one alone conclude", async () => {
  const before = await height(first);
  await away(second, async () => {
    await mine(first, 5);
    await until(async () => (await height(pruned)) === before + 5);
    const three = open({ first, second, pruned });
    expect(await three.tipHeight()).toBe(before + 5);
    await called(three, "second", "behind");
    const two = open({ first, second });
    expect(await two.tipHeight()).toBe(before);
    expect(await two.hashAt(before + 1)).toBeNull();
    await called(two, "first", "ahead");
  });
  const two = open({ first, second });
  expect(await two.tipHeight()).toBe(before + 5);
});

it("a node on a fork is named; two nodes that part agree on what they share, and go on when one gives in", async () => {
  const shared = await height(first);
  await away(second, async () => {
    await mine(second, 3, "52");
    await mine(first, 4);
    await until(async () => (await height(pruned)) === shared + 4);
    const three = open({ first, second, pruned });
    expect(await three.tipHeight()).toBe(shared + 4);
    await called(three, "second", "fork");
    const two = open({ first, second });
    expect(await two.tipHeight()).toBe(shared);
    expect(await two.hashAt(shared + 1)).toBeNull();
    const forked = await hashAt(second, shared + 1);
    await expect(three.block(forked)).rejects.toThrow(NoQuorum);
    await expect(two.block(forked)).rejects.toThrow(NoQuorum);
  });
  const two = open({ first, second });
  await called(two, "second", "ok");
  expect(await two.tipHeight()).toBe(shared + 4);
});

it("a pruned node counts for what it knows, and old blocks come from the others", async () => {
  await rpc(pruned, "pruneblockchain", FILE_BLOCKS - 20);
  const old = await hashAt(first, 20);
  await expect(rpc(pruned, "getblock", old, 0)).rejects.toThrow(/pruned/);
  const nodes = open({ pruned, first });
  await called(nodes, "pruned", "pruned");
  expect((await nodes.block(old)).height).toBe(20);
  expect(await nodes.tipHeight()).toBe(await height(first));
  // Where nobody else has it there is no block, and the node is no liar.
  const alone = open({ pruned }, 1);
  await expect(alone.block(old)).rejects.toThrow(NoQuorum);
  await called(alone, "pruned", "pruned");
});

it("a node of another chain is refused for good, and one that has not begun is behind", async () => {
  const other = await startParts({ log: () => undefined, which: ["bitcoind"], own: true });
  onTestFinished(() => other.stop());
  const three = open({ first, second, other: other.bitcoind.rpcUrl });
  expect(await three.tipHeight()).toBe(await height(first));
  await called(three, "other", "behind");
  const testnet = openNodes({
    nodes: [nodeAt("first", first, PATIENT_MS)],
    quorum: 1,
    network: "testnet",
    stopping: new AbortController().signal,
  });
  onTestFinished(testnet.close);
  await expect(testnet.tipHeight()).rejects.toThrow(NoQuorum);
  expect(testnet.health()[0]).toMatchObject({ word: "wrong-network", detail: expect.stringContaining("regtest") });
  await expect(testnet.hashAt(0)).rejects.toThrow(NoQuorum);
});

it("when more are away than a quorum can miss, nothing is concluded and each is named", async () => {
  const nodes = open({ first, nobody: "http://127.0.0.1:9", nowhere: "http://127.0.0.1:7" });
  for (const question of [nodes.tipHeight, () => nodes.hashAt(1), () => nodes.blockOf("00".repeat(32))]) {
    await expect(question()).rejects.toThrow(NoQuorum);
  }
  expect(await nodes.fees()).toBeNull();
  expect(nodes.words()).toEqual({ first: "unknown", nobody: "unreachable", nowhere: "unreachable" });
});
