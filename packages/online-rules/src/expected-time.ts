// When a payment is to be expected in a block: a statement about how things usually go, never a promise. What is not known is
// null, not a guess. Pure.
import type { Priority } from "@sluice/contracts";
import type { WithdrawalState } from "@sluice/core";
import type { FeePolicy, Quote } from "./quote.ts";

/** Of a withdrawal that is cleared at once, counted from its receipt. */
export type ExpectedMs = {
  /** Half of the time go by sooner. */
  readonly typical: number;
  /** Nineteen of twenty are paid by then; null while those ahead wait for longer than that. */
  readonly latest: number | null;
};

/** What was cleared and is not signed yet, of all priorities. */
export type Queue = {
  /** When the one that waits for longest was cleared; null when none waits. */
  readonly oldestAtMs: number | null;
};

/** Null while no node has estimated a fee rate: then nobody knows which rate gets into which block. */
export function expectQuoted(
  policy: FeePolicy,
  { priority, targetBlocks, estimatedAtMs }: Quote,
  queue: Queue,
  nowMs: number,
): ExpectedMs | null {
  if (estimatedAtMs === null) return null;
  const waitMs = policy.batchWaitMs[priority];
  const latest = waitMs + blocksMs(targetBlocks);
  // One that is ahead is late already, so that this one's turn comes nobody knows when; at the earliest after it.
  const lateMs = queue.oldestAtMs === null ? 0 : nowMs - queue.oldestAtMs - slowestBatchMs(policy);
  const typical = waitMs + Math.ceil(targetBlocks / 2) * BLOCK_MS;
  return lateMs > 0 ? { typical: typical + lateMs, latest: null } : { typical, latest };
}

export type Expected = {
  /** Money goes by itself; at the end of a delay; after people have approved; after the semi-offline zone's deliberate wait. */
  readonly waitsFor: "nothing" | "delay" | "people" | "zone";
  readonly typicalAtMs: number | null;
  readonly latestAtMs: number | null;
};

export type Underway = {
  readonly state: WithdrawalState;
  readonly priority: Priority;
  readonly notBeforeMs: number | null;
  readonly changedAtMs: number;
};

/** Of one that is under way; null once it is in a block, and for one that is never paid. */
export function expectUnderway(
  policy: FeePolicy,
  { state, notBeforeMs, changedAtMs }: Underway,
  quote: Quote,
  queue: Queue,
  nowMs: number,
): Expected | null {
  const quoted = expectQuoted(policy, quote, queue, nowMs);
  switch (state) {
    case "held":
      return { waitsFor: "people", ...UNKNOWN };
    case "signing_delayed":
      return { waitsFor: "zone", ...UNKNOWN };
    case "delayed":
      return from("delay", Math.max(nowMs, notBeforeMs ?? nowMs), quoted);
    case "received":
      return from("nothing", nowMs, quoted);
    case "cleared":
    case "planned":
    case "signing":
    case "signed":
    case "broadcast":
      return from("nothing", changedAtMs, notBefore(quoted, nowMs - changedAtMs));
    case "confirming":
    case "completed":
    case "rejected":
    case "refused":
    case "cancelled":
    case "failed":
      return null;
    default:
      return state satisfies never;
  }
}

const UNKNOWN = { typicalAtMs: null, latestAtMs: null } as const;

function from(waitsFor: Expected["waitsFor"], sinceMs: number, quoted: ExpectedMs | null): Expected {
  if (quoted === null) return { waitsFor, ...UNKNOWN };
  const { typical, latest } = quoted;
  return { waitsFor, typicalAtMs: sinceMs + typical, latestAtMs: latest === null ? null : sinceMs + latest };
}

/** What should have happened by now and has not is late: then it is not known when. */
function notBefore(quoted: ExpectedMs | null, agoMs: number): ExpectedMs | null {
  if (quoted === null || (quoted.latest !== null && quoted.latest <= agoMs)) return null;
  return { ...quoted, typical: Math.max(quoted.typical, agoMs) };
}

function slowestBatchMs({ batchWaitMs }: FeePolicy): number {
  return SIGNING_MS + Math.max(batchWaitMs.fast, batchWaitMs.normal, batchWaitMs.economy);
}

/** Bitcoin's blocks come once in ten minutes on average, each at random. */
const BLOCK_MS = 600_000;
/** Over the bridge, two signatures and back takes seconds; who waits for longer has come to a stop. */
const SIGNING_MS = 60_000;

/** So many blocks are found by then 19 times of 20: a little above the 95th percentile of an Erlang distribution. */
export function blocksMs(blocks: number): number {
  return Math.ceil((blocks + 1.65 * Math.sqrt(blocks) + 0.7) * BLOCK_MS);
}
