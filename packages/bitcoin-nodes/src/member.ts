// One node among several: what is known of its health, and how it is asked. A node that failed is left alone for a while.
import type { ChainClaim, NodeClient } from "./node-client.ts";
import { type HealthWord, NodeFault } from "./node-fault.ts";

export type NodeHealth = {
  readonly node: string;
  readonly word: HealthWord;
  readonly detail: string;
  /** Null while it never told of its chain. */
  readonly height: number | null;
};

export type Member = {
  readonly name: string;
  readonly health: () => NodeHealth;
  /** Refused for good: of another network. */
  readonly isOut: () => boolean;
  /** It failed a short while ago, or has left a question unanswered. */
  readonly isResting: () => boolean;
  /** What it last said of its chain, if it still stands by its word. */
  readonly tip: () => ChainClaim | null;
  /** Whatever fails is noted and thrown on as NodeFault. */
  readonly ask: <T>(question: (client: NodeClient) => Promise<T>) => Promise<T>;
  /** Asks for its chain. While it leaves that unanswered it is not asked again. */
  readonly look: () => Promise<void>;
  /** What the others make of it. Does not cover a fault. */
  readonly judge: (word: HealthWord, detail: string) => void;
  /** Said something that was shown to be false: stays until it has shown better. */
  readonly convict: (detail: string) => void;
  readonly acquit: () => void;
  readonly close: () => void;
};

export type MemberOptions = {
  readonly name: string;
  readonly client: NodeClient;
  /** Null for a node that may be asked, or what is wrong with its network. */
  readonly examine: (client: NodeClient, claim: ChainClaim) => Promise<string | null>;
  readonly stopping: AbortSignal;
  readonly onChange: (before: HealthWord, after: NodeHealth) => void;
};

const SHORTEST_REST_MS = 250;
const LONGEST_REST_MS = 2_000;

export function createMember({ name, client, examine, stopping, onChange }: MemberOptions): Member {
  let word: HealthWord = "unknown";
  let detail = "";
  let claim: ChainClaim | null = null;
  let examined = false;
  let out = false;
  let conviction: string | null = null;
  let restMs = 0;
  let restUntil = 0;
  let looking: Promise<void> | null = null;

  const health = (): NodeHealth => ({ node: name, word, detail, height: claim?.height ?? null });
  const turn = (next: HealthWord, why: string): void => {
    const before = word;
    word = next;
    detail = why;
    if (before !== next && !stopping.aborted) onChange(before, health());
  };
  const fail = (fault: NodeFault): void => {
    if (stopping.aborted || out) return;
    // What it said of itself may be all different when it is back: another chain, even another network.
    claim = null;
    examined = false;
    restMs = Math.min(LONGEST_REST_MS, Math.max(SHORTEST_REST_MS, restMs * 2));
    restUntil = Date.now() + restMs;
    turn(fault.word, fault.message);
  };
  const ask: Member["ask"] = async (question) => {
    try {
      return await question(client);
    } catch (error) {
      const fault = error instanceof NodeFault ? error : new NodeFault("nonsense", String(error), { cause: error });
      fail(fault);
      throw fault;
    }
  };
  const lookOnce = async (): Promise<void> => {
    const claimed = await ask((asked) => asked.chain());
    const objection = examined ? null : await ask((asked) => examine(asked, claimed));
    if (objection !== null) {
      out = true;
      claim = null;
      return turn("wrong-network", objection);
    }
    examined = true;
    claim = claimed;
    restMs = 0;
    restUntil = 0;
  };
  return {
    name,
    health,
    isOut: () => out,
    isResting: () => looking !== null || Date.now() < restUntil,
    tip: () => (out ? null : claim),
    ask,
    look: () => {
      looking ??= lookOnce()
        .catch(() => undefined)
        .finally(() => {
          looking = null;
        });
      return looking;
    },
    judge: (next, why) => {
      if (out || claim === null) return;
      if (conviction === null) turn(next, why);
      else turn("false", conviction);
    },
    convict: (why) => {
      conviction = why;
      if (!out && claim !== null) turn("false", why);
    },
    acquit: () => {
      conviction = null;
    },
    close: client.close,
  };
}
