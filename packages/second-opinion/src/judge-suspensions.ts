// What people have suspended is not signed for: as long as no signature can exist, the task waits. Pure.
import { type BitcoinNetwork, parseAddress } from "@sluice/chains";
import type { MessageOf } from "@sluice/contracts";
import { finding, type OfflineFinding } from "./finding.ts";
import type { ReadTask } from "./judge-task.ts";
import type { Due, History, Judgement } from "./judgement.ts";

/** How often a task that waits for a reopening is reported again. It is judged at once when that comes. */
export const SUSPENSION_ASKED_AGAIN_MS = 60 * 60 * 1_000;

export type Suspension = {
  readonly id: string;
  readonly kind: MessageOf<"suspension.changed.v1">["kind"];
  /** What is compared: accounts, scriptPubKeys in lower-case hex, assets, ids of wallets; anything for all. */
  readonly values: readonly string[];
  readonly reason: string;
};

/** Destinations are compared by where the money would go, however they are spelled. */
export function readSuspension(
  { suspensionId: id, kind, values, reason = "" }: MessageOf<"suspension.changed.v1">,
  network: BitcoinNetwork,
): Suspension {
  if (kind !== "destination") return { id, kind, values, reason };
  const scripts = values.flatMap((address) => {
    const parsed = parseAddress(network, address);
    return parsed.ok ? [Buffer.from(parsed.value.scriptPubKey).toString("hex")] : [];
  });
  return { id, kind, values: [...new Set(scripts)], reason };
}

/** What a task has that can be suspended, for whoever looks for suspensions of it. */
export function subjectsOf({ wallet, due }: Pick<ReadTask, "wallet" | "due">) {
  return {
    walletIds: [wallet.walletId],
    accounts: due.map(({ account }) => account),
    scripts: due.map(({ scriptHex }) => scriptHex),
    assets: due.length === 0 ? [INTERNAL_ASSET] : due.map(({ clearance }) => clearance.request.asset),
  };
}

/**
 * Null when nothing stands against it. Where some of a batch are suspended, and none of it was ordered before, the batch is
 * refused: vault plans the others without them, and these wait there. Otherwise the task waits here, and goes on by itself.
 */
export function judgeSuspensions(
  read: Pick<ReadTask, "wallet" | "due">,
  { suspensions = [], paid }: Pick<History, "suspensions" | "paid">,
  nowMs: number,
): Judgement | null {
  const { due } = read;
  const { walletIds, assets } = subjectsOf(read);
  const wide = suspensions.find(
    ({ kind, values }) =>
      kind === "all" || (kind === "wallet" && meet(values, walletIds)) || (kind === "asset" && meet(values, assets)),
  );
  const own = due.flatMap((each) => {
    const found = suspensions.find((suspension) => isAbout(suspension, each));
    return found === undefined ? [] : [tell(each.withdrawalId, found)];
  });
  if (wide === undefined && own.length === 0) return null;
  const findings = wide === undefined ? own : [tell("", wide)];
  const isWhole = wide !== undefined || own.length === due.length;
  if (!isWhole && !due.some(({ withdrawalId }) => paid.has(withdrawalId))) return { kind: "refuse", findings };
  return { kind: "delay", untilMs: nowMs + SUSPENSION_ASKED_AGAIN_MS, findings, deliberated: [] };
}

/** An internal transfer names no asset; this zone signs for one. */
const INTERNAL_ASSET = "BTC";

function isAbout({ kind, values }: Suspension, { account, scriptHex }: Due): boolean {
  return kind === "account" ? values.includes(account) : kind === "destination" && values.includes(scriptHex);
}

function meet(values: readonly string[], wanted: readonly string[]): boolean {
  return wanted.some((each) => values.includes(each));
}

function tell(withdrawalId: string, { id, kind, reason }: Suspension): OfflineFinding {
  const what = kind === "all" ? "everything" : `its ${kind}`;
  const why = reason === "" ? "" : `: ${reason.slice(0, 500)}`;
  return finding(withdrawalId, "SUSPENDED", `${what} is suspended${why}`, { suspensionId: id, kind });
}
