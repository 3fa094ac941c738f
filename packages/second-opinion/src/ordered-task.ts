// Steps 6 and 7: a task that was judged to be signed, as an order to a holder, and two holders' signatures in one. Pure.
import { combineSignatures, decodePayout, INDEX_LIMIT, type Wallet } from "@sluice/chains";
import { type Holder, open, type Sealer, seal, type Trust, verifyClearance } from "@sluice/contracts";
import { toPartial } from "./judge-answer.ts";
import type { Task } from "./judge-task.ts";
import type { HolderOrder } from "./plan-orders.ts";

/** Script multisig takes one round; threshold schemes take two. */
const ROUND = 1;

export type OrderedTask = {
  readonly task: Task;
  readonly wallet: Wallet;
  readonly head: {
    readonly taskId: string;
    readonly transactionId: string;
    readonly withdrawals: readonly { readonly withdrawalId: string; readonly attempt: number }[];
  };
  readonly clearances: readonly { readonly withdrawalId: string; readonly clearance: Uint8Array }[];
};

/** @throws Error when what was judged before does not read any more: a broken invariant, or a key that is revoked since */
export function readOrdered(
  task: Task,
  { trust, wallets }: { readonly trust: Trust; readonly wallets: ReadonlyMap<string, Wallet> },
): OrderedTask {
  const { taskId, walletId, psbt } = task;
  const wallet = wallets.get(walletId);
  if (wallet === undefined) throw new Error(`wallet ${walletId} is gone`);
  const { descriptor, gapLimit } = wallet;
  const decoded = decodePayout(psbt, descriptor, { gapLimit, indexLimit: INDEX_LIMIT });
  if (!decoded.ok) throw new Error(`task ${taskId} does not decode any more: ${decoded.refusal.code}`);
  const read = task.withdrawals.map(({ clearance, attempt }) => {
    const verified = verifyClearance(trust, clearance);
    if (!verified.ok) throw new Error(`a clearance of task ${taskId} does not verify: ${verified.refusal.code}`);
    return { withdrawalId: verified.value.request.id, attempt, clearance };
  });
  const withdrawals = read.map(({ withdrawalId, attempt }) => ({ withdrawalId, attempt }));
  return { task, wallet, head: { taskId, transactionId: decoded.value.txid, withdrawals }, clearances: read };
}

/** A holder, and how far its journal was when it last spoke. */
export type OrderedHolder = { readonly holder: Holder; readonly seenRecords: bigint; readonly seenHead: string };

/** The sealed order to one holder. Every withdrawal has its anchor by now. */
export function composeOrder(
  sealer: Sealer,
  { task, head, clearances }: OrderedTask,
  anchors: ReadonlyMap<string, string>,
  { holder, seenRecords, seenHead }: OrderedHolder,
  nowMs: number,
): Uint8Array {
  const { taskId, walletId, psbt, purpose = "" } = task;
  const withdrawals = clearances.map(({ withdrawalId, clearance }) => {
    const anchor = anchors.get(withdrawalId);
    if (anchor === undefined) throw new Error(`${withdrawalId} is ordered without an anchor`);
    return { withdrawalId, anchor, clearance };
  });
  const { transactionId } = head;
  return seal(sealer, "signing.ordered.v1", {
    id: `${taskId}/${holder}/${ROUND}`,
    key: walletId,
    occurredAtMs: nowMs,
    message: {
      ...{ taskId, walletId, holder, round: ROUND, transactionId, psbt, withdrawals, seenRecords, seenHead, purpose },
    },
  });
}

/** The PSBT with the signatures of two holders. */
export function combineAnswers(trust: Trust, { task, wallet }: OrderedTask, known: readonly HolderOrder[]): Uint8Array {
  const partials = known.flatMap(({ answer, envelope }) => {
    if (answer !== "signatures" || envelope === null) return [];
    const opened = open(trust, envelope, ["signing.answered.v1"]);
    const partial = opened.ok ? toPartial(opened.value.message, task.psbt, wallet) : null;
    return partial === null ? [] : [partial];
  });
  const combined = combineSignatures(task.psbt, partials.slice(0, 2), wallet.descriptor);
  // Each was verified when it came, so this is a broken invariant, not a holder's fault.
  if (!combined.ok) throw new Error(`task ${task.taskId} cannot be combined: ${combined.refusal.code}`);
  return combined.value.psbt;
}
