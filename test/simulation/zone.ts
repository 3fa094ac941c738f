// semi-offline-risk with its real decisions: judgeTask (with findConflict in it), anchorOf, planOrders, judgeAnswer, reportOf.
// Seals and bytes are apart: a clearance is believed when online-risk made it, a transaction is what it says.
import { HOLDERS, type MessageOf } from "@sluice/contracts";
import {
  aboutWithdrawals,
  anchorOf,
  type Deliberation,
  type Due,
  type EarlierPayment,
  finding,
  grossOutflowSat,
  type History,
  type HolderOrder,
  holderFindings,
  type Judgement,
  judgeAnswer,
  judgeTask,
  missingHolders,
  type Policy,
  planOrders,
  reportOf,
} from "@sluice/second-opinion";
import type { Answer, Order } from "./holder.ts";
import { type Effect, type Kafka, type Message, NOTHING, Service } from "./kafka.ts";
import type { Requested } from "./vault.ts";
import { EMPTY, type World } from "./world.ts";

type Report = MessageOf<"risk.reported.v1">;
type Verdict = Report["verdict"];

type Stored = Requested & {
  state: "received" | "delayed" | "ordered" | "signed" | "refused";
  dueAtMs: number;
  firstJudgedAtMs: number | null;
  holdersMissed: boolean;
  orderedBefore: readonly string[];
};

type Paid = EarlierPayment & {
  readonly account: string;
  readonly scriptHex: string;
  readonly amountSat: bigint;
  readonly atMs: number;
};

/** A line to one holder: orders until they are answered, answers until they are heard, and all that was ever ordered. */
export type Line = { readonly orders: Order[]; readonly answers: Answer[]; readonly past: Order[] };

const HOLDER_DEADLINE_MS = 5_000;
const NOT_NOW = ["HOLDER_LOCKED", "JOURNAL_BEHIND", "ZONE_ROLLED_BACK"];

export class Zone extends Service {
  readonly incoming: Requested[] = [];
  readonly tasks = new Map<string, Stored>();
  readonly payments = new Map<string, Paid>();
  readonly deliberations = new Map<string, Deliberation>();
  readonly released = new Set<string>();
  readonly lines: readonly Line[] = HOLDERS.map(() => ({ orders: [], answers: [], past: [] }));
  policy: Policy;
  readonly #attempts = new Map<string, readonly string[]>();
  readonly #orders = new Map<string, Map<string, HolderOrder>>();
  readonly #reports: { readonly report: Report; accepted: boolean }[] = [];
  readonly #outflows: { readonly txid: string; readonly atMs: number; readonly amountMinor: bigint }[] = [];

  constructor(world: World, kafka: Kafka) {
    super(world, "semi-offline-risk", [], kafka);
    this.policy = world.chance.pick(world.setting.policies);
  }

  protected handle(message: Message): Effect {
    throw new Error(`nothing from a topic comes here, as ${message.topic} did`);
  }

  /** Lines are cut: what nobody has stored is sent again by who has it. Some orders are with their holders already. */
  protected forget(): void {
    this.incoming.length = 0;
    this.world.parts.vault.sending.clear();
    for (const { orders } of this.lines) if (this.world.chance.oneIn(2)) orders.length = 0;
  }

  /** Step 4: on disk before it is accepted; the first content under an id is the only one. */
  accept(): boolean {
    const requested = this.incoming.shift();
    if (requested === undefined) return false;
    const { taskId } = requested;
    const fresh = {
      state: "received",
      dueAtMs: 0,
      firstJudgedAtMs: null,
      holdersMissed: false,
      orderedBefore: [],
    } as const;
    const apply = () => {
      if (!this.tasks.has(taskId)) this.tasks.set(taskId, { ...requested, ...fresh });
      else {
        const newest = this.#reports.findLast(({ report }) => report.taskId === taskId);
        if (newest !== undefined) newest.accepted = false;
      }
      this.world.parts.vault.acknowledged.push(taskId);
    };
    return this.transact(() => `takes ${taskId}`, { out: [], apply });
  }

  /** One task gets on by one step. */
  work(): boolean {
    for (const task of this.tasks.values()) {
      const waits = task.state === "received" || (task.state === "delayed" && task.dueAtMs <= this.world.nowMs);
      if (waits && this.transact(() => `judges ${task.taskId}`, this.#judge(task))) return true;
      if (task.state === "ordered" && this.transact(() => `carries on ${task.taskId}`, this.#sign(task))) return true;
    }
    return false;
  }

  /** Step 5, as judge-stage.ts: the verdict, and in the same transaction all that follows from it. */
  #judge(task: Stored): Effect {
    const { world } = this;
    const { taskId, tx } = task;
    const nowMs = Math.max(world.nowMs, ...this.#outflows.map(({ atMs }) => atMs));
    const withdrawals = task.withdrawals.map(({ cleared, attempt }) => ({ withdrawalId: cleared.request.id, attempt }));
    const forged = task.withdrawals.find(({ cleared }) => world.clearances.get(cleared.request.id) !== cleared);
    const due = task.withdrawals.map(({ cleared: { request, clearedAtMs }, attempt }, index): Due => {
      const { id: withdrawalId, account, scriptHex, amountSat } = request;
      const clearance = { clearedAtMs, request: { asset: "BTC" } } as Due["clearance"];
      const taken = world.has("a clearance serves for another amount") ? tx.payments[index]?.amountSat : undefined;
      return { withdrawalId, attempt, account, scriptHex, amountSat: taken ?? amountSat, clearance };
    });
    // Every change goes to index 0 here, so no script is ever looked for.
    const wallet = { walletId: "hot", gapLimit: 20, descriptor: undefined as never };
    const read = { wallet, wallets: new Map(), decoded: tx.decoded, due };
    const firstJudgedAtMs = task.firstJudgedAtMs ?? nowMs;
    const history = this.#historyFor(task, due, firstJudgedAtMs, nowMs);
    const judged = judgeTask(read, this.policy, history, nowMs);
    const judgement =
      forged === undefined
        ? this.#delayed(judged, nowMs)
        : ({ kind: "refuse", findings: [finding("", "SEAL_INVALID", "")] } as const);
    world.trace?.push(
      `  verdict: ${judgement.kind} ${"findings" in judgement ? judgement.findings.map(({ rule }) => rule) : ""}`,
    );
    const apply = () => {
      task.firstJudgedAtMs = firstJudgedAtMs;
      task.orderedBefore = due.flatMap(({ withdrawalId }) => (history.paid.has(withdrawalId) ? [withdrawalId] : []));
      if (judgement.kind === "sign") return this.#order(task, due, history, nowMs);
      if (judgement.kind === "delay") {
        [task.state, task.dueAtMs] = ["delayed", judgement.untilMs];
        for (const id of judgement.deliberated) {
          if (!this.deliberations.has(id)) this.deliberations.set(id, { sinceMs: nowMs, veto: null });
        }
      } else task.state = "refused";
      this.#write(task, reportOf(taskId, { withdrawals, txid: tx.txid }, judgement).verdict);
    };
    return { out: [], apply };
  }

  #delayed(judgement: Judgement, nowMs: number): Judgement {
    const together = judgement.kind === "refuse" && judgement.findings.every(({ rule }) => rule.endsWith("_VELOCITY"));
    if (!together || !this.world.has("a batch that no wait makes fit is delayed")) return judgement;
    return { kind: "delay", untilMs: nowMs + 3_600_000, findings: judgement.findings, deliberated: [] };
  }

  #historyFor(task: Stored, due: readonly Due[], firstJudgedAtMs: number, nowMs: number): History {
    const { world } = this;
    const ids = due.map(({ withdrawalId }) => withdrawalId);
    const careless = world.has("the zone demands no anchor") || world.has("a replacement may leave the anchor");
    const spenders = careless
      ? []
      : [...this.#attempts].flatMap(([taskId, withdrawalIds]) => {
          const other = this.tasks.get(taskId);
          const shares = other?.tx.inputs.some((outpoint) => task.tx.inputs.includes(outpoint)) ?? false;
          return other !== undefined && shares ? [{ taskId, txid: other.tx.txid, withdrawalIds }] : [];
        });
    const since = [...this.payments.values()].map(({ account, scriptHex, atMs, amountSat }) => {
      return { account, scriptHex, entry: { atMs, amountMinor: amountSat } };
    });
    const by = (key: "account" | "scriptHex", value: string) =>
      since.filter((each) => each[key] === value).map(({ entry }) => entry);
    const paid = careless
      ? []
      : ids.flatMap((id) => {
          const earlier = this.payments.get(id);
          return earlier === undefined ? [] : [[id, earlier] as const];
        });
    return {
      paid: new Map(paid),
      spenders,
      byAccount: new Map(due.map(({ account }) => [account, by("account", account)])),
      byDestination: new Map(due.map(({ scriptHex }) => [scriptHex, by("scriptHex", scriptHex)])),
      byOrigin: new Map(),
      ...{ ofWallet: this.#outflows, internalFees: [] },
      usualOfAccount: new Map(),
      usualHoursOfWallet: [],
      thisHourOfWalletSat: 0n,
      firstJudgedAtMs: Math.min(firstJudgedAtMs, nowMs),
      deliberations: this.deliberations,
      releasedBy: this.released.has(task.tx.txid) ? "carol" : null,
    };
  }

  #order(task: Stored, due: readonly Due[], history: History, atMs: number): void {
    const { taskId, tx } = task;
    for (const { withdrawalId, account, scriptHex, amountSat } of due) {
      const paid = this.world.has("the anchor is named anew") ? new Map<string, EarlierPayment>() : history.paid;
      const anchor = anchorOf(withdrawalId, tx, { paid });
      const first = this.payments.get(withdrawalId)?.atMs ?? atMs;
      this.payments.set(withdrawalId, { anchor, taskId, txid: tx.txid, account, scriptHex, amountSat, atMs: first });
    }
    this.#attempts.set(
      taskId,
      due.map(({ withdrawalId }) => withdrawalId),
    );
    if (!this.#outflows.some(({ txid }) => txid === tx.txid)) {
      this.#outflows.push({ txid: tx.txid, atMs, amountMinor: grossOutflowSat(tx.decoded) });
    }
    task.state = "ordered";
  }

  /** Steps 6 and 7, as sign-stage.ts. Null when nothing can be done now. */
  #sign(task: Stored): Effect | null {
    const { world } = this;
    const orders = this.#orders.get(task.taskId) ?? new Map<string, HolderOrder>();
    const known = [...orders.values()];
    const live = HOLDERS.filter((_, at) => world.parts.holders[at]?.serves === true);
    const plan = planOrders(known, live, world.nowMs, HOLDER_DEADLINE_MS);
    switch (plan.kind) {
      case "wait":
        return null;
      case "combine":
        return this.#settle(task, "signed", { case: "signed", value: { psbt: EMPTY, holders: [] } });
      case "impossible": {
        const findings = aboutWithdrawals(holderFindings(known), "refuse");
        const mayExist = plan.signatureMayExist && !world.has("a given signature is forgotten at a refusal");
        const value = { findings, signatureMayExist: mayExist };
        return this.#settle(task, "refused", { case: "refused", value }, !mayExist);
      }
      case "short": {
        if (task.holdersMissed) return null;
        const findings = aboutWithdrawals([missingHolders(plan.live)], "delay");
        const value = { untilMs: world.nowMs + 5_000, findings };
        const apply = () => {
          task.holdersMissed = true;
          this.#write(task, { case: "delayed", value });
        };
        return { out: [], apply };
      }
      case "order": {
        const apply = () => {
          task.holdersMissed = false;
          this.#orders.set(task.taskId, orders);
          for (const holder of plan.holders) {
            const unanswered = { answer: null, envelope: null, refusalCode: null, refusalReason: null };
            orders.set(holder, { holder, sentAtMs: world.nowMs, ...unanswered });
            this.#send(task, HOLDERS.indexOf(holder));
          }
        };
        return { out: [], apply };
      }
      default:
        return plan satisfies never;
    }
  }

  #send({ taskId, tx, withdrawals }: Stored, holder: number): void {
    const anchored = withdrawals.map(({ cleared }) => {
      const anchor = this.payments.get(cleared.request.id)?.anchor;
      if (anchor === undefined) throw new Error(`${cleared.request.id} is ordered without an anchor`);
      return { withdrawalId: cleared.request.id, anchor, cleared };
    });
    const order: Order = { taskId, tx, withdrawals: anchored, answered: false };
    this.lines[holder]?.orders.push(order);
    this.lines[holder]?.past.push(order);
  }

  #settle(task: Stored, state: "signed" | "refused", verdict: Verdict, releases = false): Effect {
    const apply = () => {
      task.state = state;
      if (releases) this.#releasePayments(task.taskId);
      this.#write(task, verdict);
    };
    return { out: [], apply };
  }

  /** As zone-memory: a withdrawal that another task was ordered for keeps its record and its anchor. */
  #releasePayments(taskId: string): void {
    const ids = this.#attempts.get(taskId) ?? [];
    this.#attempts.delete(taskId);
    const attempted = new Set([...this.#attempts.values()].flat());
    for (const id of ids) if (!attempted.has(id)) this.payments.delete(id);
  }

  #write({ taskId, tx, withdrawals, orderedBefore }: Stored, verdict: Verdict): void {
    const named = withdrawals.map(({ cleared, attempt }) => ({ withdrawalId: cleared.request.id, attempt }));
    const number = BigInt(this.#reports.length + 1);
    const report: Report = { taskId, transactionId: tx.txid, withdrawals: named, number, verdict, orderedBefore };
    this.#reports.push({ report, accepted: false });
  }

  /** In their order, until vault has them. */
  sendReport(): boolean {
    const next = this.#reports.find(({ accepted }) => !accepted);
    if (next === undefined) return false;
    if (!this.world.parts.vault.hearReport(next.report)) return true;
    if (this.world.crashAt(this.name, ["between a report and its mark"]) !== null) this.crash();
    else next.accepted = true;
    return true;
  }

  /** A holder's answer is judged as it comes and recorded; the first one counts. */
  hearAnswer(): boolean {
    const { world } = this;
    for (const [at, line] of this.lines.entries()) {
      const answer = line.answers[0];
      if (answer === undefined) continue;
      const holder = HOLDERS[at] ?? "";
      const recorded = this.transact(
        () => `hears ${holder} on ${answer.taskId}: ${answer.kind}`,
        this.#answered(holder, answer),
      );
      if (!world.strikes("an answer comes twice")) line.answers.shift();
      const given = line.orders.findIndex((order) => order.taskId === answer.taskId && order.answered);
      if (given >= 0) line.orders.splice(given, 1);
      return recorded;
    }
    return false;
  }

  #answered(holder: string, answer: Answer): Effect {
    const order = this.#orders.get(answer.taskId)?.get(holder);
    if (order === undefined || order.answer !== null || NOT_NOW.includes(answer.code)) return NOTHING;
    const { kind, code } = this.#worth(answer);
    const given = { ...order, answer: kind, envelope: EMPTY, refusalCode: code, refusalReason: code };
    return { out: [], apply: () => void this.#orders.get(answer.taskId)?.set(holder, given) };
  }

  #worth({ taskId, kind, code, signedBefore }: Answer): {
    readonly kind: "signatures" | "invalid" | "refusal";
    readonly code: string;
  } {
    if (kind !== "refusal") return { kind, code };
    const answer = { case: "refusal", value: { code, reason: "", signedBefore } } as const;
    // A refusal is judged by itself: neither bytes nor wallet are looked at.
    return { kind: judgeAnswer({ taskId, round: 1, transactionId: "", answer }, EMPTY, undefined as never).kind, code };
  }

  /** A named person says no to what waits, or lets the largest go. */
  veto(id: string): void {
    const waits = this.deliberations.get(id);
    if (waits !== undefined)
      this.deliberations.set(id, { ...waits, veto: { person: "carol", via: this.name, reason: "" } });
  }

  releaseAll(): boolean {
    const waiting = [...this.tasks.values()].filter(
      ({ state, tx }) => state === "delayed" && !this.released.has(tx.txid),
    );
    for (const task of waiting) {
      this.released.add(task.tx.txid);
      task.dueAtMs = 0;
    }
    return waiting.length > 0;
  }
}
