// online-risk with its real decisions (decide and evolve of a withdrawal), and the backend and the people before it.
import {
  decide,
  evolve,
  type Finding,
  isFinal,
  type RiskVerdict,
  type Withdrawal,
  type WithdrawalCommand,
  type WithdrawalEvent,
  type WithdrawalFact,
  type WithdrawalId,
} from "@sluice/core";
import { type Attempted, type Effect, type Kafka, type Message, NOTHING, Parked, Service } from "./kafka.ts";
import type { Cleared, Request, World } from "./world.ts";

type Stored = {
  request: Request;
  withdrawal: Withdrawal;
  readonly facts: WithdrawalFact[];
  afterClearance: Withdrawal | null;
};

const TOPICS = [
  ...(["transaction.planned", "signing.started", "risk.reported", "transaction.signed"] as const),
  ...(["transaction.broadcast", "transaction.included", "transaction.reorged", "transaction.confirmed"] as const),
];

export class OnlineRisk extends Service {
  readonly stored = new Map<string, Stored>();

  constructor(world: World, kafka: Kafka) {
    super(world, "online-risk", TOPICS, kafka);
  }

  protected forget(): void {}

  /** Step 1. What gate and accept do with an id that is known: the same bytes or a refusal. */
  accept(request: Request): boolean {
    const known = this.stored.get(request.id);
    if (known !== undefined) {
      if (known.request !== request && this.world.has("same id accepted with another body")) known.request = request;
      return known.request === request;
    }
    const id = request.id as WithdrawalId;
    const decided = decide({ type: "receive", nowMs: this.world.nowMs, id }, null);
    if (!decided.ok) throw new Error(decided.refusal.code);
    const [first] = decided.value;
    if (first === undefined) throw new Error("a withdrawal was received without an event");
    const apply = () => {
      const withdrawal = evolve(null, first);
      this.stored.set(request.id, { request, withdrawal, facts: [], afterClearance: null });
      this.world.accepted.set(request.id, request);
    };
    return this.transact(() => `receives ${request.id}`, { out: [], apply });
  }

  /** Step 2. */
  judge(): boolean {
    const { nowMs } = this.world;
    for (const { request, withdrawal } of this.stored.values()) {
      const { state, notBeforeMs } = withdrawal;
      const due = state === "received" || (state === "delayed" && notBeforeMs !== null && notBeforeMs <= nowMs);
      if (due)
        return this.#command(request.id, { type: "judge", nowMs, findings: this.#findings(request, withdrawal) });
    }
    return false;
  }

  /** Somebody approves, denies or cancels; whether that is possible is decided. */
  person(kind: "approve" | "deny" | "cancel"): boolean {
    const { chance, nowMs } = this.world;
    if (this.stored.size === 0) return false;
    const id = chance.pick([...this.stored.keys()]);
    return this.#command(id, { type: kind, nowMs, by: `person-${chance.below(3)}` });
  }

  approveAll(): boolean {
    for (const [id, { withdrawal }] of this.stored) {
      if (withdrawal.state !== "held") continue;
      return this.#command(id, { type: "approve", nowMs: this.world.nowMs, by: `p${withdrawal.approvedBy.length}` });
    }
    return false;
  }

  #command(id: string, command: WithdrawalCommand): boolean {
    const stored = this.#known(id);
    const decided = decide(command, stored.withdrawal);
    if (!decided.ok) {
      if (!this.world.has("cancelled after the clearance") || command.type !== "cancel") return false;
      if (isFinal(stored.withdrawal.state)) return false;
      return this.transact(
        () => `cancels ${id}`,
        this.#effect(stored, [{ type: "cancelled", atMs: this.world.nowMs, by: "" }]),
      );
    }
    if (decided.value.length === 0) return false;
    return this.transact(() => `${command.type} ${id}`, this.#effect(stored, decided.value));
  }

  #findings({ risk }: Request, { state, approvedBy }: Withdrawal): readonly Finding[] {
    const { nowMs, chance } = this.world;
    const verdicts: Readonly<Record<Request["risk"], RiskVerdict>> = {
      clear: { kind: "clear" },
      delay:
        state === "delayed" ? { kind: "clear" } : { kind: "delay", untilMs: nowMs + 1_000 * (1 + chance.below(60)) },
      hold: { kind: "hold", approvals: Math.max(1, approvedBy.length) },
      reject: { kind: "reject" },
    };
    return [{ rule: "SIMULATED", verdict: verdicts[risk], reason: "", evidence: {} }];
  }

  protected handle(message: Message): Effect {
    const { nowMs: atMs } = this.world;
    switch (message.topic) {
      case "transaction.planned":
        return this.#record(message.body.withdrawals, ({ attempt }) => ({ type: "planned", atMs, attempt }));
      case "signing.started":
        return this.#record(message.body.withdrawals, ({ attempt }) => ({ type: "signing", atMs, attempt }));
      case "transaction.signed":
        return this.#record(message.body.withdrawals, ({ attempt }) => ({ type: "signed", atMs, attempt }));
      case "transaction.broadcast":
        return this.#record(message.body.withdrawals, () => ({ type: "broadcast", atMs }));
      case "transaction.included":
      case "transaction.reorged": {
        const type = message.topic === "transaction.included" ? "included" : "reorged";
        const { withdrawals, revision } = message.body;
        return this.#record(withdrawals, () => ({ type, atMs, revision }));
      }
      case "transaction.confirmed": {
        const { withdrawals, revision, txid } = message.body;
        if (!this.world.parts.chain.buried.has(txid)) this.world.fail("COMPLETED_IS_BURIED", `${txid} is not`);
        return this.#record(withdrawals, () => ({ type: "completed", atMs, revision }));
      }
      case "risk.reported":
        return this.#report(message.body);
      default:
        throw new Error(`nobody reads ${message.topic} here`);
    }
  }

  /** As handlers/risk-reported.ts: who has a finding of its own is refused, the others are planned again. */
  #report(report: Extract<Message, { topic: "risk.reported" }>["body"]): Effect {
    const { nowMs: atMs } = this.world;
    const { verdict, orderedBefore = [] } = report;
    if (verdict.case === "signed") return NOTHING;
    // What is said of a replacement is not the end of what it would have replaced.
    const withdrawals = report.withdrawals.filter(({ withdrawalId }) => !orderedBefore.includes(withdrawalId));
    if (verdict.case === "delayed") {
      const { untilMs } = verdict.value;
      return this.#record(withdrawals, ({ attempt }) => ({ type: "signing_delayed", atMs, attempt, untilMs }));
    }
    if (verdict.value.signatureMayExist) return NOTHING;
    const own = new Set(verdict.value.findings.map(({ withdrawalId }) => withdrawalId));
    return this.#record(withdrawals, ({ withdrawalId, attempt }) =>
      own.has(withdrawalId) ? { type: "refused", atMs, attempt } : { type: "replanned", atMs, attempt: attempt + 1 },
    );
  }

  #record(withdrawals: readonly Attempted[], factOf: (of: Attempted) => WithdrawalFact): Effect {
    const effects = withdrawals.map((each): Effect => {
      const stored = this.#known(each.withdrawalId);
      const fact = factOf(each);
      const decided = decide({ type: "record", fact }, stored.withdrawal);
      if (!decided.ok) {
        throw new Parked(`${each.withdrawalId}: ${decided.refusal.code}, ${fact.type} while ${decided.refusal.state}`);
      }
      const { apply, out } = this.#effect(stored, this.#aged(decided.value, fact));
      return {
        out,
        apply: () => {
          stored.facts.push(fact);
          apply();
        },
      };
    });
    return { out: [], apply: () => effects.forEach(({ apply }) => void apply()) };
  }

  #aged(events: readonly WithdrawalEvent[], fact: WithdrawalFact): readonly WithdrawalEvent[] {
    return events.length === 0 && this.world.has("an overtaken fact counts") ? [fact] : events;
  }

  #effect(stored: Stored, events: readonly WithdrawalEvent[]): Effect {
    const { world } = this;
    const { request } = stored;
    const clearing = events.find(({ type }) => type === "cleared");
    const cleared: Cleared = { request, clearedAtMs: clearing?.atMs ?? 0 };
    const apply = () => {
      for (const event of events) {
        const before = stored.withdrawal;
        const after = evolve(before, event);
        if (isFinal(before.state) && after.state !== before.state) {
          world.fail("FINAL_IS_FINAL", `${request.id} went from ${before.state} to ${after.state}`);
        }
        stored.withdrawal = after;
        world.trace?.push(`  ${request.id} is ${after.state}`);
      }
      if (clearing === undefined) return;
      stored.afterClearance = stored.withdrawal;
      world.clearances.set(request.id, cleared);
    };
    if (clearing === undefined) return { out: [], apply };
    return { out: [{ topic: "withdrawal.cleared", id: request.id, key: request.id, body: cleared }], apply };
  }

  #known(id: string): Stored {
    const stored = this.stored.get(id);
    if (stored === undefined) throw new Parked(`${id}: WITHDRAWAL_UNKNOWN`);
    return stored;
  }
}
