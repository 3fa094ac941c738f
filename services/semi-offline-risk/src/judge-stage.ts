// Step 5 as a stage: a task that waits for its verdict gets it, in one transaction with everything that follows from it.
import type { Wallet } from "@sluice/chains";
import { open, type Sealer, type Trust } from "@sluice/contracts";
import { type Bundles, findRelease, loadDeliberations, startDeliberation } from "@sluice/governance";
import { isRetriable, type Pool, type Transaction, transaction, withLane } from "@sluice/postgres";
import type { Logger } from "@sluice/runtime";
import type { Screening } from "@sluice/screening";
import {
  anchorOf,
  grossOutflowSat,
  type History,
  highestChangeIndexOf,
  type Judgement,
  judgeBundle,
  judgementFailed,
  judgeTask,
  outflowAnchorOf,
  type Policy,
  type ReadSoFar,
  type ReadTask,
  readTask,
  registryTrust,
  reportOf,
  subjectsOf,
} from "@sluice/second-opinion";
import {
  findSuspensions,
  holdOff,
  latestMs,
  loadMemory,
  lockTask,
  markJudged,
  moveTask,
  recordPayments,
  type StoredTask,
  writeReport,
} from "@sluice/zone-memory";

export type JudgeStage = {
  readonly pool: Pool;
  readonly trust: Trust;
  readonly sealer: Sealer;
  readonly wallets: ReadonlyMap<string, Wallet>;
  readonly bundles: Bundles;
  readonly screening: Pick<Screening, "screenScript">;
  readonly logger: Logger;
  readonly onVerdict: (kind: Judgement["kind"]) => void;
};

const WAITING = ["received", "delayed"] as const;
const NOTHING_READ: ReadSoFar = { withdrawals: [], txid: "" };

export async function judgeOne(stage: JudgeStage, taskId: string): Promise<void> {
  const kind = await judgeWith(stage, taskId, judge).catch((error: unknown) => {
    if (isRetriable(error)) throw error;
    stage.logger.error({ err: error, taskId }, "ALARM: a task could not be judged; it waits");
    return judgeWith(stage, taskId, (_, tx, task) =>
      settle(stage, tx, task.id, NOTHING_READ, judgementFailed(error, Date.now()), Date.now()),
    );
  });
  if (kind === null) return;
  stage.logger.info({ taskId, verdict: kind }, "the offline verdict is on record");
  stage.onVerdict(kind);
}

type Judge = (stage: JudgeStage, tx: Transaction, task: StoredTask) => Promise<Judgement["kind"]>;

function judgeWith(stage: JudgeStage, taskId: string, how: Judge): Promise<Judgement["kind"] | null> {
  return transaction(stage.pool, async (tx) => {
    await holdOff(tx, "beginning");
    const task = await lockTask(tx, taskId);
    if (task === null || (task.state !== "received" && task.state !== "delayed")) return null;
    // Limits are counted one task after the other, of all wallets: accounts and destinations know no wallet.
    if (!(await withLane(tx, "limits"))) return null;
    return how(stage, tx, task);
  });
}

async function judge(stage: JudgeStage, tx: Transaction, stored: StoredTask): Promise<Judgement["kind"]> {
  const nowMs = await latestMs(tx, Date.now());
  // Rows are no authority: the seal is verified again on what was read back.
  const opened = open(stage.trust, stored.envelope, ["signing.requested.v1"]);
  if (!opened.ok) {
    const findings = [{ withdrawalId: "", rule: opened.refusal.code, reason: opened.refusal.detail, evidence: {} }];
    return settle(stage, tx, stored.id, NOTHING_READ, { kind: "refuse", findings }, nowMs);
  }
  const firstJudgedAtMs = await markJudged(tx, stored, nowMs);
  const found = await stage.bundles.inForce(tx);
  // Without a bundle nothing is judged; the trust file only lets the report say what it is about.
  const trust = found.ok ? registryTrust(found.bundle.keys, nowMs) : stage.trust;
  const reading = readTask(opened.value.message, { trust, wallets: stage.wallets });
  const named = reading.kind === "refuse" ? reading : nameRead(reading.read);
  const standing = judgeBundle(found, nowMs);
  if (!standing.ok) return settle(stage, tx, stored.id, named, standing.judgement, nowMs);
  if (reading.kind === "refuse") return settle(stage, tx, stored.id, named, reading, nowMs);
  const { read } = reading;
  const { policy, people } = standing.bundle;
  const history = {
    ...(await loadMemory(tx, stored.walletId, read, policy, nowMs)),
    firstJudgedAtMs,
    suspensions: await findSuspensions(tx, subjectsOf(read)),
    screened: new Map(
      read.due.map(({ scriptHex }) => [scriptHex, stage.screening.screenScript(Buffer.from(scriptHex, "hex"))]),
    ),
    deliberations: await loadDeliberations(
      tx,
      read.due.map(({ withdrawalId }) => withdrawalId),
    ),
    releasedBy: await findRelease(tx, people, stored.id, read.decoded.txid, nowMs),
  };
  const judgement = await decide(tx, stored, read, policy, history, nowMs);
  return settle(stage, tx, stored.id, named, judgement, nowMs);
}

/** What follows from the verdict in this zone's memory, before anybody hears of it. */
async function decide(
  tx: Transaction,
  { id, walletId }: StoredTask,
  read: ReadTask,
  policy: Policy,
  history: History,
  nowMs: number,
): Promise<Judgement> {
  const judgement = judgeTask(read, policy, history, nowMs);
  if (judgement.kind === "delay") await startDeliberation(tx, id, judgement.deliberated, nowMs);
  if (judgement.kind === "sign") {
    await recordPayments(tx, {
      taskId: id,
      walletId,
      txid: read.decoded.txid,
      outflowSat: grossOutflowSat(read.decoded),
      atMs: nowMs,
      inputs: read.decoded.inputs.map(({ outpoint }) => outpoint),
      changeIndex: highestChangeIndexOf(read.decoded),
      anchor: outflowAnchorOf(read.due, read, history),
      payments: read.due.map((due) => ({ ...due, anchor: anchorOf(due.withdrawalId, read, history) })),
    });
  }
  return judgement;
}

async function settle(
  { sealer }: JudgeStage,
  tx: Transaction,
  taskId: string,
  read: ReadSoFar,
  judgement: Judgement,
  nowMs: number,
): Promise<Judgement["kind"]> {
  switch (judgement.kind) {
    case "sign":
      await moveTask(tx, taskId, WAITING, { state: "ordered", txid: read.txid });
      return "sign";
    case "delay": {
      await moveTask(tx, taskId, WAITING, { state: "delayed", dueAtMs: judgement.untilMs, txid: read.txid });
      await writeReport(tx, sealer, reportOf(taskId, read, judgement), nowMs);
      return "delay";
    }
    case "refuse": {
      await moveTask(tx, taskId, WAITING, { state: "refused", txid: read.txid });
      await writeReport(tx, sealer, reportOf(taskId, read, judgement), nowMs);
      return "refuse";
    }
    default:
      return judgement satisfies never;
  }
}

function nameRead({ due, decoded }: ReadTask): ReadSoFar {
  return { withdrawals: due.map(({ withdrawalId, attempt }) => ({ withdrawalId, attempt })), txid: decoded.txid };
}
