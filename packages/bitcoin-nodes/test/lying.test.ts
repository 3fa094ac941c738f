// Nodes that lie, in front of real ones: whatever one of them says, nothing false is concluded, and two honest ones suffice.
import { setTimeout } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { HealthWord } from "../src/node-fault.ts";
import { type Nodes, openNodes } from "../src/nodes.ts";
import { LIES } from "./lies.ts";
import { type LyingNode, openLyingNode } from "./lying-node.ts";
import { nodeAt, openWorld, type Truth, type World } from "./world.ts";

let world: World;
let liar: LyingNode;

beforeAll(async () => {
  world = await openWorld();
  liar = await openLyingNode(world.rpcUrls[1]);
});
afterAll(async () => {
  await liar.close();
  await world.stop();
});

const PATIENT_MS = 30_000;
/** For a liar that says nothing. */
const IMPATIENT_MS = 150;

type Cast = "two honest, one lying" | "one honest, one lying" | "the liar alone";

async function withNodes<T>(cast: Cast, timeoutMs: number, use: (nodes: Nodes) => Promise<T>): Promise<T> {
  const [first, second] = world.rpcUrls;
  const honest = [nodeAt("honest-1", first, PATIENT_MS), nodeAt("honest-2", second, PATIENT_MS)];
  const alone = cast === "the liar alone";
  const nodes = openNodes({
    // First of all, so that whoever asks in order asks it before the others.
    nodes: [
      nodeAt("liar", liar.url, timeoutMs),
      ...honest.slice(0, alone ? 0 : cast === "one honest, one lying" ? 1 : 2),
    ],
    quorum: alone ? 1 : 2,
    network: "regtest",
    // On a busy machine an honest node is not to be missed because it is slower than the liar.
    graceMs: PATIENT_MS,
    stopping: new AbortController().signal,
  });
  try {
    return await use(nodes);
  } finally {
    nodes.close();
  }
}

const MOST_LOOKS = 200;
const NOTHING = "nothing";

/** What the gateway would come to believe, question by question. */
async function conclusions(nodes: Nodes, truth: Truth): Promise<Readonly<Record<string, unknown>>> {
  const { height, tip, confirmed, pending, impossible, invented } = truth;
  const come = async (question: () => Promise<unknown>) => question().catch(() => NOTHING);
  const send = (hex: string) => async () => {
    const answer = await nodes.send(Buffer.from(hex, "hex"));
    return answer.ok ? "ok" : answer.action;
  };
  const block = (hash: string) => async () => {
    const read = await nodes.block(hash);
    return { height: read.height, txids: read.txids };
  };
  return {
    tip: await come(nodes.tipHeight),
    "hash below": await come(() => nodes.hashAt(height - 1)),
    "hash at the tip": await come(() => nodes.hashAt(height)),
    "hash above": await come(() => nodes.hashAt(height + 1)),
    "the tip's block": await come(block(tip.hash)),
    "the invented block": await come(block(invented.hash)),
    "where the confirmed one is": await come(() => nodes.blockOf(confirmed.txid)),
    "where the pending one is": await come(() => nodes.blockOf(pending.txid)),
    "sending what is good": await come(send(pending.hex)),
    "sending what is impossible": await come(send(impossible.hex)),
    fees: await come(nodes.fees),
  };
}

function expected({ height, hashes, tip, minimumSatPerKvbyte }: Truth): Readonly<Record<string, unknown>> {
  return {
    tip: height,
    "hash below": hashes[height - 1],
    "hash at the tip": tip.hash,
    "hash above": null,
    "the tip's block": { height, txids: tip.txids },
    "the invented block": NOTHING,
    "where the confirmed one is": tip.hash,
    "where the pending one is": null,
    "sending what is good": "ok",
    "sending what is impossible": "look",
    fees: { estimates: [], minimumSatPerKvbyte },
  };
}

/** What says nothing, or that it has to be waited, is no conclusion; less of a chain is a part of the same one. */
function isFalse(question: string, came: unknown, truth: Truth): boolean {
  const right = expected(truth)[question];
  if (came === NOTHING) return false;
  if (question === "tip") return Number(came) > truth.height;
  if (question.startsWith("hash") || question.startsWith("where")) return came !== null && came !== right;
  if (question.startsWith("sending")) return came !== right && came !== "wait" && came !== "unknown";
  if (question === "fees") return !isAtMost(came, truth.minimumSatPerKvbyte);
  return JSON.stringify(came) !== JSON.stringify(right);
}

/** Of two nodes the lower counts, so the lying one can make payments late, and never dear. */
function isAtMost(fees: unknown, minimum: bigint): boolean {
  if (fees === null) return true;
  const { estimates, minimumSatPerKvbyte } = fees as Exclude<Awaited<ReturnType<Nodes["fees"]>>, null>;
  return estimates.length === 0 && minimumSatPerKvbyte <= minimum;
}

const falseOnes = (came: Readonly<Record<string, unknown>>) =>
  Object.entries(came).flatMap(([question, value]) => (isFalse(question, value, world.truth) ? [question] : []));

const told = new Map<string, number>();

async function hear(cast: Cast, lie: (typeof LIES)[number], also?: (nodes: Nodes) => Promise<void>) {
  liar.lie(lie.lie(world.truth));
  try {
    return await withNodes(cast, lie.isSilent ? IMPATIENT_MS : PATIENT_MS, async (nodes) => {
      const came = await conclusions(nodes, world.truth);
      await also?.(nodes);
      return came;
    });
  } finally {
    told.set(lie.name, (told.get(lie.name) ?? 0) + liar.told());
    liar.lie(null);
  }
}

/** A node's word follows what it says; honest ones keep theirs. */
async function untilCalled(nodes: Nodes, word: HealthWord): Promise<void> {
  for (let tries = 0; tries < MOST_LOOKS; tries += 1) {
    const [of, ...honest] = nodes.health();
    if (of?.word === word && honest.every((each) => each.word === "ok")) return;
    await nodes.tipHeight();
    await setTimeout(20);
  }
  expect(nodes.health().map((each) => each.word)).toEqual([word, "ok", "ok"]);
}

describe("without a lie", () => {
  it.each(["two honest, one lying", "one honest, one lying"] as const)("%s: all is concluded", async (cast) => {
    const came = await withNodes(cast, PATIENT_MS, (nodes) => conclusions(nodes, world.truth));
    expect(came).toMatchObject(expected(world.truth));
  });
});

describe("two honest nodes and one that tells", () => {
  it.each(LIES)("$name: all is concluded, nothing false, and the node is named", async (lie) => {
    const came = await hear("two honest, one lying", lie, async (nodes) => {
      if (lie.word !== undefined) await untilCalled(nodes, lie.word);
    });
    expect(came).toMatchObject(expected(world.truth));
  });
});

describe("one honest node and one that tells", () => {
  it.each(LIES)("$name: nothing false is concluded", async (lie) => {
    expect(falseOnes(await hear("one honest, one lying", lie))).toEqual([]);
  });
});

describe("a node that is believed alone", () => {
  it.each(LIES.filter(({ misleads }) => misleads))("misleads, and the suite sees it: $name", async (lie) => {
    const came = await hear("the liar alone", lie);
    const wrong = Object.entries(expected(world.truth)).filter(([question, right]) => {
      const value = came[question];
      return question === "fees"
        ? JSON.stringify(shown(value)) !== JSON.stringify(shown({ ...(right as object), nodes: 1 }))
        : JSON.stringify(value) !== JSON.stringify(right);
    });
    expect(wrong).not.toEqual([]);
  });
});

function shown(fees: unknown): unknown {
  if (typeof fees !== "object" || fees === null) return fees;
  const { estimates, minimumSatPerKvbyte, nodes } = fees as Exclude<Awaited<ReturnType<Nodes["fees"]>>, null>;
  return [
    estimates.map(({ targetBlocks, satPerKvbyte }) => [targetBlocks, String(satPerKvbyte)]),
    String(minimumSatPerKvbyte),
    nodes,
  ];
}

it("every lie was really told", () => {
  const untold = LIES.filter(({ name }) => (told.get(name) ?? 0) === 0).map(({ name }) => name);
  const count = [...told.values()].reduce((sum, times) => sum + times, 0);
  process.stdout.write(`lying nodes: ${LIES.length} kinds of lies, told ${count} times\n`);
  expect(untold).toEqual([]);
  expect(LIES.length).toBeGreaterThanOrEqual(30);
});
