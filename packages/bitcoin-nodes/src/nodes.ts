// Several Bitcoin nodes as one view that none of them can falsify alone.
import { type BitcoinNetwork, type BlockFault, decodeBlock } from "@sluice/chains";
import { agreedOn, highestAgreed, reachedBy } from "./agreement.ts";
import type { BitcoinNode, Block } from "./bitcoin-node.ts";
import type { ConnectionOptions } from "./connection.ts";
import { type FeeView, readFees } from "./fees.ts";
import { gather } from "./gather.ts";
import { judgeMember } from "./judge.ts";
import { createMember, type Member, type NodeHealth } from "./member.ts";
import { agreedSpenders, middleEntry } from "./mempools.ts";
import { examineNetwork } from "./networks.ts";
import { type NodeClient, openClient } from "./node-client.ts";
import { type HealthWord, NoQuorum } from "./node-fault.ts";
import { sendToAll } from "./send.ts";

export type NodeOptions = Omit<ConnectionOptions, "stopping" | "onAnswer"> & { readonly name: string };

export type NodesOptions = {
  readonly nodes: readonly NodeOptions[];
  /** How many have to agree before anything is concluded. */
  readonly quorum: number;
  readonly network: BitcoinNetwork;
  /** How long those are waited for that a quorum was quicker than; each has its own time-out besides. */
  readonly graceMs?: number;
  /** Nothing is waited for once this is aborted. */
  readonly stopping: AbortSignal;
  readonly onAnswer?: (node: string, method: string, outcome: string) => void;
  /** Once for each change of a node's word. */
  readonly onHealth?: (before: HealthWord, after: NodeHealth) => void;
};

export type Nodes = BitcoinNode & {
  readonly health: () => readonly NodeHealth[];
  /** Null when fewer than a quorum answered. */
  readonly fees: () => Promise<FeeView | null>;
  readonly close: () => void;
};

const GRACE_MS = 1_000;

export function openNodes(options: NodesOptions): Nodes {
  const { quorum, network, stopping, graceMs = GRACE_MS } = options;
  const members = options.nodes.map((node) => openMember(node, options));
  if (quorum < 1 || quorum > members.length) throw new Error(`a quorum of ${quorum} among ${members.length} nodes`);

  /** Those that are not known to fail just now; all, when the others are needed for a quorum. */
  const askable = (): readonly Member[] => {
    const known = members.filter((member) => !member.isOut());
    const awake = known.filter((member) => !member.isResting());
    return awake.length >= quorum ? awake : known;
  };
  const noQuorum = (what: string): NoQuorum =>
    new NoQuorum(`${what}: fewer than ${quorum} of ${members.length} nodes agree`);

  /** Undefined when enough answered, and not enough of them the same. */
  const vote = async <T>(what: string, question: (client: NodeClient) => Promise<T>): Promise<T | undefined> => {
    const agreed = (values: readonly { readonly value: T }[]) =>
      agreedOn(values, quorum, ({ value }) => JSON.stringify(value));
    const answers = await gather(askable(), { question, isEnough: (sofar) => agreed(sofar) !== undefined });
    if (answers.length < quorum) throw noQuorum(what);
    return agreed(answers)?.value;
  };
  const hashAt = async (height: number) =>
    (await vote(`the block at ${height}`, (client) => client.hashAt(height))) ?? null;

  const tipHeight = async (): Promise<number> => {
    await gather(askable(), {
      question: (_, member) => member.look(),
      isEnough: () => members.filter((member) => member.tip() !== null).length >= quorum,
      graceMs,
    });
    const claims = members.flatMap((member) => member.tip() ?? []);
    if (claims.length < quorum) throw noQuorum("the best chain");
    const same = agreedOn(claims, quorum, ({ height, hash }) => `${height} ${hash}`);
    const reached = reachedBy(
      claims.map(({ height }) => height),
      quorum,
    );
    const isAtOnce = same !== undefined && same.height === reached;
    const height = isAtOnce ? reached : await highestAgreed(reached, async (at) => (await hashAt(at)) !== null);
    if (height < 0) throw noQuorum("the nodes' chains have nothing in common");
    const hash = isAtOnce ? same.hash : await hashAt(height);
    // For the operator alone, so nothing waits for it.
    if (hash !== null) void Promise.allSettled(members.map((member) => judgeMember(member, { height, hash }, hashAt)));
    return height;
  };

  const block = async (hash: string): Promise<Block> => {
    const height = await vote(`block ${hash}`, (client) => client.heightOf(hash));
    if (height === undefined || height === null) throw noQuorum(`block ${hash} is not in the best chain`);
    for (const member of askable()) {
      const read = await readBlock(member, hash, network);
      if (read !== null) return { ...read, height };
    }
    throw noQuorum(`no node has the bytes of block ${hash}`);
  };

  /** A claim counts only when a quorum has the claimed block in its chain and the transaction is found in that block's bytes. */
  const blockOf = async (txid: string): Promise<string | null> => {
    const answers = await gather(askable(), {
      question: (client) => client.blockOf(txid),
      isEnough: (sofar) => sofar.length >= quorum,
      graceMs,
    });
    if (answers.length < quorum) throw noQuorum(`where ${txid} is`);
    for (const claimed of new Set(answers.flatMap(({ value }) => value ?? []))) {
      const isInChain = (await vote(`block ${claimed}`, (client) => client.heightOf(claimed))) ?? null;
      if (isInChain !== null && (await block(claimed)).txids.includes(txid)) return claimed;
      for (const { member, value } of answers) {
        if (value === claimed) member.convict(`says that ${txid} is in block ${claimed}, where it is not`);
      }
    }
    return null;
  };

  /** All that answer in time; at least a quorum. */
  const collect = async <T>(what: string, question: (client: NodeClient) => Promise<T>): Promise<readonly T[]> => {
    const answers = await gather(askable(), {
      question,
      isEnough: (sofar) => sofar.length >= quorum,
      graceMs,
    });
    if (answers.length < quorum) throw noQuorum(what);
    return answers.map(({ value }) => value);
  };

  return {
    mempoolEntry: async (txid) => {
      const entries = await collect(`mempools about ${txid}`, (client) => client.mempoolEntry(txid));
      return middleEntry(entries, quorum);
    },
    mempoolSpenders: async (outpoints) => {
      const answers = await collect("mempools about spenders", (client) => client.mempoolSpenders(outpoints));
      return agreedSpenders(answers, outpoints, quorum);
    },
    tipHeight,
    hashAt,
    block,
    blockOf,
    send: (transaction) => sendToAll(askable(), transaction, { quorum, graceMs, noQuorum, stopping }),
    fees: () => readFees(askable(), quorum, graceMs),
    health: () => members.map((member) => member.health()),
    close: () => {
      for (const member of members) member.close();
    },
  };
}

function openMember({ name, ...connection }: NodeOptions, options: NodesOptions): Member {
  const { network, stopping, onAnswer, onHealth } = options;
  return createMember({
    name,
    stopping,
    client: openClient({
      ...connection,
      stopping,
      onAnswer: (method, outcome) => onAnswer?.(name, method, outcome),
    }),
    examine: (client, claim) => examineNetwork(client, claim, network),
    onChange: (before, after) => onHealth?.(before, after),
  });
}

/** Null when this node does not have it, or gives bytes that the hash does not commit to. */
async function readBlock(member: Member, hash: string, network: BitcoinNetwork): Promise<Omit<Block, "height"> | null> {
  const bytes = await member.ask((client) => client.rawBlock(hash)).catch(() => null);
  if (bytes === null) return null;
  const decoded = decodeBlock(bytes, network);
  const fault: BlockFault | "ANOTHER_BLOCK" | null = !decoded.ok
    ? decoded.refusal.code
    : decoded.value.hash === hash
      ? null
      : "ANOTHER_BLOCK";
  if (!decoded.ok || fault !== null) {
    member.convict(`gave false bytes for block ${hash}: ${fault}`);
    return null;
  }
  member.acquit();
  const { previousHash, txids, transactions } = decoded.value;
  return { hash, previousHash: previousHash === "0".repeat(64) ? null : previousHash, txids, transactions };
}

/** For a person: "a ok at 812; b unreachable (getblockchaininfo: connect ECONNREFUSED)". */
export function describeNode({ node, word, detail, height }: NodeHealth): string {
  const at = height === null ? "" : ` at ${height}`;
  return `${node} ${word}${at}${detail === "" ? "" : ` (${detail})`}`;
}
