// Steps 6 and 7 as a stage: an ordered task gets the signatures of any two live holders, or a report of why not yet.
import type { Wallet } from "@sluice/chains";
import { type Holder, open, type Sealer, type Trust } from "@sluice/contracts";
import type { Bundles } from "@sluice/governance";
import type { Holders, JournalWatch } from "@sluice/holders";
import { type Pool, type Transaction, transaction } from "@sluice/postgres";
import type { Logger } from "@sluice/runtime";
import {
  aboutWithdrawals,
  combineAnswers,
  composeOrder,
  type HolderOrder,
  holderFindings,
  judgeBundle,
  listedTrust,
  missingHolders,
  type OrderedTask,
  type OrderPlan,
  planOrders,
  readOrdered,
  readTask,
  registryTrust,
  subjectsOf,
  type Task,
} from "@sluice/second-opinion";
import {
  findSuspensions,
  holdOff,
  isAnythingSuspended,
  listOrders,
  lockTask,
  moveTask,
  readAnchors,
  recordOrder,
  releasePayments,
  type StoredTask,
  setHoldersMissed,
  writeReport,
} from "@sluice/zone-memory";

export type SignStage = {
  readonly pool: Pool;
  readonly trust: Trust;
  readonly sealer: Sealer;
  readonly wallets: ReadonlyMap<string, Wallet>;
  readonly bundles: Bundles;
  readonly holders: Holders;
  readonly journals: JournalWatch;
  readonly holderDeadlineMs: number;
  readonly logger: Logger;
};

/** What a report says a wait for holders lasts at least; it goes on by itself as soon as two are there. */
const AGAIN_MS = 5_000;

export async function signOne(stage: SignStage, taskId: string): Promise<void> {
  const nowMs = Date.now();
  const orders = await transaction(stage.pool, async (tx) => {
    await holdOff(tx, "beginning");
    const stored = await lockTask(tx, taskId);
    if (stored?.state !== "ordered") return [];
    const opened = open(stage.trust, stored.envelope, ["signing.requested.v1"]);
    if (!opened.ok) throw new Error(`task ${taskId} does not open any more: ${opened.refusal.code}`);
    const task = opened.value.message;
    const known = await listOrders(tx, taskId);
    const { holders, holderDeadlineMs } = stage;
    const plan = planOrders(known, holders.live(), nowMs, holderDeadlineMs, holders.liveSinceMs);
    // Nobody was asked yet, so nobody has signed: also while holders are away, a suspension shows as what it is.
    if (known.length === 0 && !(await isStillGood(stage, tx, task, plan, nowMs))) {
      await releasePayments(tx, taskId);
      await moveTask(tx, taskId, ["ordered"], { state: "received" });
      return [];
    }
    const found = await stage.bundles.inForce(tx);
    if (!found.ok) throw new Error(`there is no bundle: ${found.detail}`);
    const ordered = readOrdered(task, { trust: listedTrust(found.bundle.keys), wallets: stage.wallets });
    await carryOut(stage, tx, stored, ordered, known, plan, nowMs);
    if (plan.kind !== "order") return [];
    return writeOrders(stage, tx, ordered, plan.holders, nowMs);
  });
  // On record and committed: only now may a holder hear of it.
  for (const { holder, envelope } of orders) stage.holders.order(holder, envelope);
}

async function carryOut(
  stage: SignStage,
  tx: Transaction,
  stored: StoredTask,
  ordered: OrderedTask,
  known: readonly HolderOrder[],
  plan: OrderPlan,
  nowMs: number,
): Promise<void> {
  const { head } = ordered;
  const { taskId } = head;
  switch (plan.kind) {
    case "combine": {
      const psbt = combineAnswers(stage.trust, ordered, known);
      await moveTask(tx, taskId, ["ordered"], { state: "signed" });
      const signed = known.filter(({ answer }) => answer === "signatures").slice(0, 2);
      const value = { psbt, holders: signed.map(({ holder }) => holder) };
      await writeReport(tx, stage.sealer, { ...head, verdict: { case: "signed", value } }, nowMs);
      stage.logger.info({ taskId, holders: value.holders }, "two holders signed");
      return;
    }
    case "impossible": {
      const findings = holderFindings(known);
      if (!plan.signatureMayExist) await releasePayments(tx, taskId);
      await moveTask(tx, taskId, ["ordered"], { state: "refused" });
      const value = { findings: aboutWithdrawals(findings, "refuse"), signatureMayExist: plan.signatureMayExist };
      await writeReport(tx, stage.sealer, { ...head, verdict: { case: "refused", value } }, nowMs);
      stage.logger.error({ taskId, findings }, "ALARM: two holders refuse what was found to be good");
      return;
    }
    case "short": {
      if (stored.holdersMissed) return;
      await setHoldersMissed(tx, taskId, true);
      const findings = aboutWithdrawals([missingHolders(plan.live)], "delay");
      const value = { untilMs: nowMs + AGAIN_MS, findings };
      await writeReport(tx, stage.sealer, { ...head, verdict: { case: "delayed", value } }, nowMs);
      stage.logger.warn({ taskId, live: plan.live }, "signing waits for holders");
      return;
    }
    case "order":
    case "wait":
      if (stored.holdersMissed) await setHoldersMissed(tx, taskId, false);
      return;
    default:
      return plan satisfies never;
  }
}

type OutgoingOrder = { readonly holder: Holder; readonly envelope: Uint8Array };

async function writeOrders(
  { sealer, journals }: SignStage,
  tx: Transaction,
  ordered: OrderedTask,
  holders: readonly Holder[],
  nowMs: number,
): Promise<readonly OutgoingOrder[]> {
  const ids = ordered.clearances.map(({ withdrawalId }) => withdrawalId);
  const anchors = await readAnchors(tx, ids);
  for (const holder of holders) await recordOrder(tx, ordered.task.taskId, holder, nowMs);
  return holders.map((holder) => {
    const envelope = composeOrder(sealer, ordered, anchors, { holder, ...journals.seen(holder) }, nowMs);
    return { holder, envelope };
  });
}

/** Nobody has heard of it yet, so what has changed since its verdict still counts: suspensions, the bundle, its age, its keys. */
async function isStillGood(
  stage: SignStage,
  tx: Transaction,
  task: Task,
  { kind }: OrderPlan,
  nowMs: number,
): Promise<boolean> {
  // While holders are away it is only asked for what has to be shown meanwhile.
  if (kind !== "order" && !(await isAnythingSuspended(tx))) return true;
  const standing = judgeBundle(await stage.bundles.inForce(tx), nowMs);
  if (!standing.ok) return kind !== "order";
  const { wallets } = stage;
  const reading = readTask(task, { trust: registryTrust(standing.bundle.keys, nowMs), wallets });
  if (reading.kind !== "read") return kind !== "order";
  return (await findSuspensions(tx, subjectsOf(reading.read))).length === 0;
}
