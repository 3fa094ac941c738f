// vault with its real decisions: choosePayout (bytes apart) and decideReport (the finalising apart, since bytes are empty here).
import type { Coin, PlannedPayout, PlanRefusal } from "@sluice/chains";
import type { MessageOf } from "@sluice/contracts";
import { backoffMs, ok, type Result, refused } from "@sluice/core";
import { type BuildPayout, choosePayout, decideReport, type ReportDecision, type TaskView } from "@sluice/planning";
import { conflict } from "./chain.ts";
import { type Attempted, type Effect, type Kafka, type Message, NOTHING, Parked, Service } from "./kafka.ts";
import { type Cleared, EMPTY, type Tx, vbytesOf, type World } from "./world.ts";

type Withdrawal = {
  readonly cleared: Cleared;
  state: "cleared" | "planned" | "refused" | "signed" | "confirmed";
  attempt: number;
  anchor: string | null;
  alone: boolean;
  planAfterMs: number;
};

/** `replaces` is the first version, whose reservations it shares. */
export type Task = Omit<TaskView, "state" | "psbt" | "transactionId"> & {
  readonly tx: Tx;
  state: TaskView["state"];
  started: boolean;
  sends: number;
  sendAfterMs: number;
  /** It, or what replaced it, is confirmed. */
  closed: boolean;
};

export type Requested = {
  readonly taskId: string;
  readonly tx: Tx;
  readonly withdrawals: readonly { readonly cleared: Cleared; readonly attempt: number }[];
};

type Report = MessageOf<"risk.reported.v1">;

const TOPICS = ["withdrawal.cleared", "coin.observed", "transaction.confirmed", "transaction.reorged"] as const;
const ASK_AGAIN_MS = 5_000;
const MOST_IN_A_BATCH = 3;
const LIVE = ["planned", "submitted", "delayed"];

export class Vault extends Service {
  readonly withdrawals = new Map<string, Withdrawal>();
  readonly coins = new Map<string, { readonly amountSat: bigint; spent: boolean }>();
  readonly tasks = new Map<string, Task>();
  readonly reservations = new Map<string, string>();
  /** In memory: what was given to the bridge, and what the other side has on disk. */
  readonly sending = new Set<string>();
  readonly acknowledged: string[] = [];

  constructor(world: World, kafka: Kafka) {
    super(world, "vault", TOPICS, kafka);
  }

  protected forget(): void {
    this.sending.clear();
    this.acknowledged.length = 0;
  }

  /** Step 3. */
  plan(): boolean {
    const { world } = this;
    const candidates = [...this.withdrawals].flatMap(
      ([withdrawalId, { cleared, state, anchor, alone, planAfterMs }]) => {
        if (state !== "cleared" || planAfterMs > world.nowMs) return [];
        const { scriptHex: address, amountSat } = cleared.request;
        const urgency = { priority: "normal", dueInMs: 0 } as const;
        return [{ withdrawalId, address, amountSat, anchor, alone, clearanceBytes: 500, ...urgency }];
      },
    );
    if (candidates.length === 0) return false;
    const rate = 1 + world.chance.below(10);
    const wallet = { walletId: "hot", gapLimit: 20, descriptor: undefined as never };
    const satPerKvbyte = BigInt(rate) * 1_000n;
    const feeRatesSatPerKvbyte = { fast: satPerKvbyte, normal: satPerKvbyte, economy: satPerKvbyte };
    const fees = { feeRatesSatPerKvbyte, longTermFeeRate: null };
    const chains = { spendUnconfirmed: false, unconfirmed: [] };
    const limits = { maxWithdrawals: MOST_IN_A_BATCH, maxRequestBytes: 1_000_000 };
    const { payout } = choosePayout(
      { wallet, coins: this.#free(), candidates, changeIndex: 0, ...fees, ...chains, ...limits },
      this.#build,
    );
    if (payout === null) return false;
    const tx = world.transactionOf(payout.plan.txid);
    return this.transact(() => `plans ${tx.txid}`, this.#planned(tx, payout.withdrawalIds, null));
  }

  #free(): readonly Coin[] {
    const taken = this.world.has("a coin is chosen though it is reserved") ? new Map() : this.reservations;
    return [...this.coins]
      .filter(([outpoint, { spent }]) => !spent && !taken.has(outpoint))
      .toSorted(([, a], [, b]) => Number(b.amountSat - a.amountSat))
      .map(([outpoint, { amountSat }]) => {
        const [txid = "", vout] = outpoint.split(":");
        return { txid, vout: Number(vout), amountSat, branch: 0, index: 0, previousTransaction: EMPTY } as const;
      });
  }

  /** In the place of planPayout: the required coins, then the largest, until outputs and fee are covered. */
  readonly #build: BuildPayout = (request): Result<PlannedPayout, PlanRefusal> => {
    const { coins, payments, requiredOutpoints = [], feeRateSatPerVbyte } = request;
    const nameOf = ({ txid, vout }: Coin) => `${txid}:${vout}`;
    const required = requiredOutpoints.flatMap((outpoint) => coins.find((coin) => nameOf(coin) === outpoint) ?? []);
    if (required.length < requiredOutpoints.length) return refused({ code: "REQUIRED_COIN_MISSING", detail: "" });
    const others = coins.filter((coin) => !required.includes(coin));
    const outputSat = payments.reduce((sum, { amountSat }) => sum + amountSat, 0n);
    const inputs = [...required];
    for (;;) {
      const vbytes = vbytesOf(inputs.length, payments.length + 1);
      const leastFeeSat = BigInt(Math.ceil(vbytes * feeRateSatPerVbyte));
      const restSat = inputs.reduce((sum, { amountSat }) => sum + amountSat, 0n) - outputSat;
      if (inputs.length > 0 && restSat >= leastFeeSat) {
        const changeSat = restSat - leastFeeSat >= 1_000n ? restSat - leastFeeSat : 0n;
        const paid = payments.map((payment) => this.#paymentOf(payment.withdrawalId));
        const tx = this.world.transaction(inputs.map(nameOf), paid, changeSat, restSat - changeSat);
        return ok({ psbt: EMPTY, txid: tx.txid, feeSat: tx.feeSat, vbytes, inputs, changeSat });
      }
      const next = others.shift();
      if (next === undefined) return refused({ code: "INSUFFICIENT_FUNDS", detail: "" });
      inputs.push(next);
    }
  };

  #paymentOf(withdrawalId: string) {
    const { script, scriptHex, amountSat } = this.#known(withdrawalId).cleared.request;
    return {
      script,
      scriptHex,
      amountSat: this.world.has("a clearance serves for another amount") ? amountSat + 1n : amountSat,
    };
  }

  #planned(tx: Tx, withdrawalIds: readonly string[], replaces: string | null): Effect {
    const taskId = `task-${this.tasks.size + 1}`;
    const withdrawals = withdrawalIds.map((id) => ({ withdrawalId: id, attempt: this.#known(id).attempt + 1 }));
    const fresh = { state: "planned", purpose: "", started: false, sends: 0, sendAfterMs: 0, closed: false } as const;
    const apply = () => {
      this.tasks.set(taskId, { taskId, tx, withdrawals, replaces, ...fresh });
      for (const { withdrawalId, attempt } of withdrawals) {
        const withdrawal = this.#known(withdrawalId);
        withdrawal.attempt = attempt;
        if (replaces === null) withdrawal.state = "planned";
      }
      if (replaces === null) for (const outpoint of tx.inputs) this.reservations.set(outpoint, taskId);
      this.#checkCoins();
    };
    return { out: [{ topic: "transaction.planned", id: taskId, key: "hot", body: { withdrawals } }], apply };
  }

  #checkCoins(): void {
    const usedBy = new Map<string, string>();
    for (const { taskId, tx, state, replaces, closed } of this.tasks.values()) {
      if (state === "refused" || replaces !== null || closed) continue;
      for (const outpoint of tx.inputs) {
        const other = usedBy.get(outpoint);
        if (other !== undefined) this.world.fail("ONE_TASK_PER_COIN", `${outpoint} is in ${other} and ${taskId}`);
        usedBy.set(outpoint, taskId);
      }
    }
  }

  /** A transaction that does not get into a block is replaced: the same inputs and payments, twice the fee out of the change. */
  replace(): boolean {
    const { world } = this;
    for (const task of this.tasks.values()) {
      if (task.state !== "signed" || task.closed || task.replaces !== null) continue;
      const siblings = [...this.tasks.values()].filter(({ replaces }) => replaces === task.taskId);
      if (siblings.length > 1 || siblings.some(({ state }) => LIVE.includes(state))) continue;
      const { inputs, payments, changeSat, feeSat } = (siblings.at(-1) ?? task).tx;
      if (changeSat < feeSat + 1_000n) continue;
      const tx = this.#otherCoins(task) ?? world.transaction(inputs, payments, changeSat - feeSat, 2n * feeSat);
      const ids = task.withdrawals.map(({ withdrawalId }) => withdrawalId);
      return this.transact(() => `replaces ${task.tx.txid} by ${tx.txid}`, this.#planned(tx, ids, task.taskId));
    }
    return false;
  }

  /** What a replacement would be without the rule of the anchor. */
  #otherCoins({ tx: { payments, feeSat } }: Task): Tx | null {
    const [coin] = this.world.has("a replacement may leave the anchor") ? this.#free() : [];
    const outSat = payments.reduce((sum, { amountSat }) => sum + amountSat, 0n) + 2n * feeSat;
    if (coin === undefined || coin.amountSat < outSat + 1_000n) return null;
    return this.world.transaction([`${coin.txid}:${coin.vout}`], payments, coin.amountSat - outSat, 2n * feeSat);
  }

  /** Step 4: whatever has no verdict goes over the bridge, again and again. */
  send(): boolean {
    const { world } = this;
    for (const task of this.tasks.values()) {
      if (!LIVE.includes(task.state) || task.sendAfterMs > world.nowMs || this.sending.has(task.taskId)) continue;
      this.sending.add(task.taskId);
      world.trace?.push(`vault: sends ${task.taskId}`);
      const withdrawals = task.withdrawals.map(({ withdrawalId, attempt }) => {
        return { cleared: this.#known(withdrawalId).cleared, attempt };
      });
      world.parts.zone.incoming.push({ taskId: task.taskId, tx: task.tx, withdrawals });
      if (world.crashAt(this.name, ["between sending and its record"]) !== null) this.crash();
      return true;
    }
    return false;
  }

  /** The other side has it on its own disk. */
  recordSent(): boolean {
    const taskId = this.acknowledged.shift();
    const task = taskId === undefined ? undefined : this.tasks.get(taskId);
    if (task === undefined) return taskId !== undefined;
    const { world } = this;
    const apply = () => {
      this.sending.delete(task.taskId);
      task.sends += 1;
      task.sendAfterMs = Math.max(task.sendAfterMs, world.nowMs + ASK_AGAIN_MS);
      if (task.state === "planned") task.state = "submitted";
      task.started = true;
    };
    const { withdrawals } = task;
    const started: Message = { topic: "signing.started", id: task.taskId, key: "hot", body: { withdrawals } };
    return this.transact(() => `records that ${task.taskId} is there`, { out: task.started ? [] : [started], apply });
  }

  /** Step 8. True when it is committed, so that the other side may forget it. */
  hearReport(report: Report): boolean {
    const { world } = this;
    const crash = world.crashAt(this.name, ["before its commit", "after its commit"]);
    world.trace?.push(`vault: hears report ${report.number} on ${report.taskId}: ${report.verdict.case}`);
    if (crash === "before its commit") this.crash();
    else
      this.commit(
        this.once(report, () => this.#reported(report)),
        crash,
      );
    return crash === null;
  }

  #reported(report: Report): Effect {
    const task = this.tasks.get(report.taskId);
    if (task === undefined) return this.#parkedReport(report, "TASK_UNKNOWN");
    const view = { ...task, transactionId: task.tx.txid, psbt: EMPTY };
    const decision = decideReport(view, report, undefined as never);
    if (decision.kind === "parked") return this.#parkedReport(report, decision.code);
    if (decision.kind === "known") return NOTHING;
    if (decision.kind === "late")
      return {
        out: [{ topic: "risk.reported", id: `${report.number}`, key: "", body: report }],
        apply: () => undefined,
      };
    const published: Message = { topic: "risk.reported", id: `${report.number}`, key: report.taskId, body: report };
    const signed =
      report.verdict.case === "signed" && !(decision.kind === "stuck" && decision.code === "REPORT_MISMATCH");
    if (signed) return this.#signed(task, published);
    return { out: [published], apply: () => this.#settle(task, decision) };
  }

  #parkedReport(report: Report, code: string): Effect {
    return { out: [], apply: () => this.park(`report ${report.number} on ${report.taskId}`, code) };
  }

  #signed(task: Task, published: Message): Effect {
    const { tx, withdrawals } = task;
    const apply = () => {
      task.state = "signed";
      if (task.replaces !== null) return;
      for (const { withdrawalId } of withdrawals) this.#known(withdrawalId).state = "signed";
    };
    return {
      out: [published, { topic: "transaction.signed", id: tx.txid, key: "hot", body: { tx, withdrawals } }],
      apply,
    };
  }

  #settle(task: Task, decision: Exclude<ReportDecision, { readonly kind: "known" | "parked" | "late" }>): void {
    const { world } = this;
    if (decision.kind === "signed") throw new Error("what is signed is released, not settled");
    if (decision.kind === "delayed") {
      [task.state, task.sends, task.sendAfterMs] = ["delayed", 0, decision.untilMs];
      if (world.has("coins are released at a delay")) this.#release(task);
      return;
    }
    if (decision.kind === "stuck") {
      task.state = "stuck_for_person";
      for (const { withdrawalId } of task.withdrawals) this.#known(withdrawalId).anchor ??= task.tx.inputs[0] ?? null;
      return;
    }
    task.state = "refused";
    if (decision.kind === "given-up") return;
    this.#release(task);
    for (const id of decision.refused) this.#known(id).state = "refused";
    const attempt = Math.max(...task.withdrawals.map((each) => each.attempt));
    const waitMs = backoffMs(attempt, { firstMs: 2_000, longestMs: 600_000 }, world.chance.below(100) / 100);
    for (const id of decision.replanned) {
      const withdrawal = this.#known(id);
      withdrawal.state = "cleared";
      if (decision.refused.length > 0) continue;
      [withdrawal.alone, withdrawal.planAfterMs] = [true, world.nowMs + waitMs];
    }
  }

  #release({ taskId }: Task): void {
    for (const [outpoint, holder] of this.reservations) if (holder === taskId) this.reservations.delete(outpoint);
  }

  protected handle(message: Message): Effect {
    switch (message.topic) {
      case "withdrawal.cleared": {
        const cleared = message.body;
        const { id } = cleared.request;
        if (this.withdrawals.has(id)) return NOTHING;
        const fresh = { state: "cleared", attempt: 0, anchor: null, alone: false, planAfterMs: 0 } as const;
        return { out: [], apply: () => void this.withdrawals.set(id, { cleared, ...fresh }) };
      }
      case "coin.observed": {
        const { outpoint, amountSat } = message.body;
        return {
          out: [],
          apply: () => void (this.coins.has(outpoint) || this.coins.set(outpoint, { amountSat, spent: false })),
        };
      }
      case "transaction.reorged": {
        const task = [...this.tasks.values()].find(({ tx }) => tx.txid === message.body.txid);
        if (task === undefined || !this.world.has("coins are free again after a reorganisation")) return NOTHING;
        return { out: [], apply: () => this.#release(task) };
      }
      case "transaction.confirmed":
        return this.#confirmed(message.body.txid);
      default:
        throw new Error(`nobody reads ${message.topic} here`);
    }
  }

  /** Step 11. */
  #confirmed(txid: string): Effect {
    const task = [...this.tasks.values()].find(({ tx, state }) => tx.txid === txid && state !== "refused");
    if (task === undefined) throw new Parked("TRANSACTION_UNKNOWN or REFUSED_TRANSACTION_CONFIRMED");
    const root = task.replaces ?? task.taskId;
    const apply = () => {
      for (const each of this.tasks.values()) {
        if (each.taskId !== root && each.replaces !== root) continue;
        each.closed = true;
        if (LIVE.includes(each.state) || each.state === "signed") each.state = "superseded";
      }
      task.state = "confirmed";
      for (const outpoint of task.tx.inputs) {
        const coin = this.coins.get(outpoint);
        if (coin !== undefined && !this.world.has("a spent coin stays free")) coin.spent = true;
        if (!this.world.has("a reservation outlives its payment")) this.reservations.delete(outpoint);
      }
      for (const { withdrawalId } of task.withdrawals) this.#known(withdrawalId).state = "confirmed";
    };
    return { out: [], apply };
  }

  #known(withdrawalId: string): Withdrawal {
    const withdrawal = this.withdrawals.get(withdrawalId);
    if (withdrawal === undefined) throw new Error(`vault never had ${withdrawalId}`);
    return withdrawal;
  }

  /** Everybody who waits for a person: stated, and allowed to be left over. A replacement alone keeps nobody waiting. */
  waitsForPerson(): ReadonlySet<string> {
    const stuck = [...this.tasks.values()].filter(
      ({ state, closed, replaces }) => state === "stuck_for_person" && !closed && this.#cannotConfirm(replaces),
    );
    return new Set(stuck.flatMap(({ withdrawals }) => withdrawals.map(({ withdrawalId }: Attempted) => withdrawalId)));
  }

  /** True of no transaction, and of one whose coins a version has spent that nobody but an enemy released. */
  #cannotConfirm(taskId: string | null): boolean {
    const { completed, parts } = this.world;
    const tx = taskId === null ? undefined : this.tasks.get(taskId)?.tx;
    return (
      tx === undefined ||
      completed.some((other) => other !== tx && parts.chain.buried.has(other.txid) && conflict(other, tx))
    );
  }
}
