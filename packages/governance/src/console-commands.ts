// The zone's console: bundles come in, people see what waits, release it or say no.
import { addressOf, type Wallet } from "@sluice/chains";
import {
  answered,
  type ConsoleAnswer,
  type ConsoleCommand,
  type Json,
  type JsonObject,
  refusedAs,
} from "@sluice/console";
import { open, type Trust } from "@sluice/contracts";
import { type Pool, type Queryable, type Transaction, transaction } from "@sluice/postgres";
import { type Bundle, type Decision, readTask, registryTrust, verifyDecision } from "@sluice/second-opinion";
import type { Bundles } from "./bundles.ts";
import { loadDeliberations, recordRelease, recordVeto } from "./decisions.ts";

/** A task that waits, as the service keeps it. */
export type WaitingTask = {
  readonly taskId: string;
  readonly transactionId: string;
  /** The sealed task. */
  readonly envelope: Uint8Array;
  readonly dueAtMs: number;
};

export type Governed = {
  readonly pool: Pool;
  readonly bundles: Bundles;
  readonly trust: Trust;
  readonly wallets: ReadonlyMap<string, Wallet>;
  /** Those that wait, or one of them, locked. */
  readonly listDelayed: (
    database: Queryable,
    which: { readonly lock: string } | { readonly limit: number },
  ) => Promise<readonly WaitingTask[]>;
  /** It is judged again now. */
  readonly judgeNow: (tx: Transaction, taskId: string) => Promise<void>;
  readonly onDecided: () => void;
};

/** What one answer holds. */
const MOST_LISTED = 20;

export function governanceCommands(around: Governed): Readonly<Record<string, ConsoleCommand>> {
  return {
    "bundle import": (_input, binary) => importBundle(around, Uint8Array.from(binary)),
    "bundle status": () => answered(bundleStatus(around.bundles)),
    waiting: () => listWaiting(around),
    release: (input, binary) => decide(around, "release", input, Uint8Array.from(binary)),
    veto: (input, binary) => decide(around, "veto", input, Uint8Array.from(binary)),
  };
}

async function importBundle({ bundles, onDecided }: Governed, bytes: Uint8Array): Promise<ConsoleAnswer> {
  const { outcome, detail } = await bundles.offer(bytes, "console");
  // Also a refusal: the online side is told of it.
  onDecided();
  if (outcome !== "BUNDLE_ACCEPTED" && outcome !== "BUNDLE_KNOWN") return refusedAs(outcome, detail);
  return answered({ outcome, detail, ...bundleStatus(bundles) });
}

function bundleStatus(bundles: Bundles): JsonObject {
  const { bundle, lastOffer } = bundles.status();
  const offered = lastOffer === null ? null : { ...lastOffer };
  if (bundle === null) return { version: null, lastOffer: offered };
  const { version, sha256, madeAtMs, signedBy, policy } = bundle;
  const ageMs = Date.now() - madeAtMs;
  return { version, sha256, madeAtMs, ageMs, maxAgeMs: policy.maxBundleAgeMs, signedBy, lastOffer: offered };
}

async function listWaiting(around: Governed): Promise<ConsoleAnswer> {
  const found = await around.bundles.inForce(around.pool);
  const tasks = await around.listDelayed(around.pool, { limit: MOST_LISTED });
  const bundle = found.ok ? found.bundle : null;
  return answered({ tasks: await Promise.all(tasks.map((task) => describe(around, bundle, task))) });
}

/** From the bytes and seals themselves: a person decides on what would be signed, not on what somebody says of it. */
async function describe(around: Governed, bundle: Bundle | null, task: WaitingTask): Promise<JsonObject> {
  const { taskId, transactionId, dueAtMs } = task;
  const known = { taskId, transactionId, dueAtMs };
  const opened = open(around.trust, task.envelope, ["signing.requested.v1"]);
  if (bundle === null || !opened.ok) return { ...known, payments: [] };
  const trust = registryTrust(bundle.keys, Date.now());
  const reading = readTask(opened.value.message, { trust, wallets: around.wallets });
  if (reading.kind === "refuse") return { ...known, payments: [] };
  const { due, decoded, wallet } = reading.read;
  const waits = await loadDeliberations(
    around.pool,
    due.map(({ withdrawalId }) => withdrawalId),
  );
  const { network } = wallet.descriptor;
  const payments = due.map(({ withdrawalId, account, scriptHex, amountSat }): Json => {
    const since = waits.get(withdrawalId);
    const address = addressOf(network, Buffer.from(scriptHex, "hex")) ?? scriptHex;
    return {
      withdrawalId,
      account,
      address,
      amountSat: String(amountSat),
      needsRelease: amountSat > bundle.policy.large.releaseAboveSat,
      sinceMs: since?.sinceMs ?? null,
      vetoedBy: since?.veto?.person ?? null,
    };
  });
  return { ...known, feeSat: String(decoded.feeSat), payments };
}

/** Signed by a person whom the bundle names; the signature goes on record with it. */
async function decide(
  around: Governed,
  kind: Decision["kind"],
  input: JsonObject,
  signature: Uint8Array,
): Promise<ConsoleAnswer> {
  const { taskId, transactionId, person, reason = "" } = input;
  if (typeof taskId !== "string" || typeof transactionId !== "string" || typeof person !== "string") {
    return refusedAs("DECISION_MALFORMED", "taskId, transactionId and person are texts");
  }
  if (typeof reason !== "string" || reason.length > 1_000)
    return refusedAs("DECISION_MALFORMED", "the reason is a short text");
  const nowMs = Date.now();
  const answer = await transaction(around.pool, async (tx): Promise<ConsoleAnswer> => {
    const found = await around.bundles.inForce(tx);
    if (!found.ok) return refusedAs("BUNDLE_UNAVAILABLE", found.detail);
    const decision = { kind, taskId, transactionId, person };
    const verified = verifyDecision(found.bundle.people, decision, signature, nowMs);
    if (!verified.ok) return refusedAs(verified.refusal.code, verified.refusal.detail);
    const [task] = await around.listDelayed(tx, { lock: taskId });
    if (task === undefined) return refusedAs("TASK_NOT_WAITING", "there is no such task, or it does not wait any more");
    if (task.transactionId !== transactionId) {
      return refusedAs("TRANSACTION_OTHER", `the task's transaction is ${task.transactionId}`);
    }
    if (kind === "release") await recordRelease(tx, { taskId, transactionId, person, signature }, nowMs);
    else {
      const veto = { person, via: "semi-offline-risk", reason, proof: signature };
      const stopped = await recordVeto(tx, taskId, veto, nowMs);
      if (stopped.length === 0) return refusedAs("NOTHING_TO_VETO", "nothing in this task waits for people");
    }
    await around.judgeNow(tx, taskId);
    return answered({ taskId, transactionId, person, decided: kind });
  });
  if (answer.ok) around.onDecided();
  return answer;
}
