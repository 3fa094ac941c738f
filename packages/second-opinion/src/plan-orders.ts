// Which holders to ask for an ordered task, from what was asked and answered and who is there. Pure.
import { HOLDERS, type Holder } from "@sluice/contracts";
import { finding, type OfflineFinding } from "./finding.ts";

/** What was asked of a holder, and what came back. */
export type HolderOrder = {
  readonly holder: string;
  readonly sentAtMs: number;
  readonly answer: "signatures" | "invalid" | "refusal" | null;
  /** The sealed answer. */
  readonly envelope: Uint8Array | null;
  readonly refusalCode: string | null;
  readonly refusalReason: string | null;
};

export type OrderPlan =
  /** Two valid answers are there. */
  | { readonly kind: "combine" }
  /** Fewer than two can still sign. */
  | { readonly kind: "impossible"; readonly signatureMayExist: boolean }
  | { readonly kind: "order"; readonly holders: readonly Holder[] }
  /** Enough were asked and may still answer. */
  | { readonly kind: "wait" }
  /** Fewer than two of those that could sign are there. */
  | { readonly kind: "short"; readonly live: readonly Holder[] };

const THRESHOLD = 2;

/**
 * Any two will do. One that does not answer within the deadline is passed over for the third, and asked again too.
 *
 * @param liveSinceMs when the connection to a holder that is there began. What it was asked before may never have reached
 *   it, or may have been lost with it: it is asked again at once, and answers what it has signed with the same signature.
 */
export function planOrders(
  known: readonly HolderOrder[],
  live: readonly Holder[],
  nowMs: number,
  deadlineMs: number,
  liveSinceMs: (holder: Holder) => number = () => 0,
): OrderPlan {
  const by = new Map(known.map((order) => [order.holder, order]));
  const signed = known.filter(({ answer }) => answer === "signatures");
  if (signed.length >= THRESHOLD) return { kind: "combine" };
  const passedOver = known.filter(({ answer }) => answer === "refusal" || answer === "invalid");
  const able = HOLDERS.filter((holder) => !passedOver.some((order) => order.holder === holder));
  if (able.length < THRESHOLD)
    return { kind: "impossible", signatureMayExist: known.some(({ answer }) => answer !== "refusal") };

  const open = able.filter((holder) => by.get(holder)?.answer !== "signatures");
  const isAsked = (holder: Holder): boolean => {
    const sentAtMs = by.get(holder)?.sentAtMs;
    if (sentAtMs === undefined || !live.includes(holder)) return false;
    // A time that has not come yet is from before the clock was set back.
    return sentAtMs >= liveSinceMs(holder) && sentAtMs <= nowMs && nowMs - sentAtMs < deadlineMs;
  };
  const asked = open.filter(isAsked);
  const missing = THRESHOLD - signed.length - asked.length;
  if (missing <= 0) return { kind: "wait" };
  const free = open.filter((holder) => live.includes(holder) && !asked.includes(holder));
  // Those that were never asked come first: one that stays silent is given up for the third.
  const candidates = free.toSorted((a, b) => Number(by.has(a)) - Number(by.has(b)));
  if (signed.length + asked.length + candidates.length < THRESHOLD) return { kind: "short", live };
  return { kind: "order", holders: candidates.slice(0, missing) };
}

/** What two holders that refuse have to say; it is about the task. */
export function holderFindings(known: readonly HolderOrder[]): readonly OfflineFinding[] {
  return known.flatMap(({ holder, answer, refusalCode, refusalReason }) => {
    if (answer !== "refusal" && answer !== "invalid") return [];
    return [finding("", refusalCode ?? "HOLDER_REFUSED", `${holder}: ${refusalReason ?? ""}`, { holder })];
  });
}

export function missingHolders(live: readonly string[]): OfflineFinding {
  const reason = `two key holders are needed and ${live.length === 0 ? "none" : live.length} can sign now`;
  return finding("", "HOLDERS_UNAVAILABLE", reason, { live: live.join(" ") });
}
