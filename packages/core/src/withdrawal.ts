// The withdrawal: decide says what a command or fact means for it, evolve applies what was decided. Both are pure.
import { type Finding, latestDelayMs, strictest } from "./policy.ts";
import { type RefusalCode, refusal } from "./refusals.ts";
import { ok, type Result, refused, unreachable } from "./result.ts";
import type {
  Withdrawal,
  WithdrawalCommand,
  WithdrawalEvent,
  WithdrawalFact,
  WithdrawalRefusal,
} from "./withdrawal-events.ts";
import { TRANSITIONS, UNSIGNED_STATES, type WithdrawalState } from "./withdrawal-transitions.ts";

type Decision = Result<readonly WithdrawalEvent[], WithdrawalRefusal>;

/**
 * What a command or a fact means for the withdrawal as it stands (null before it is received). No event means that
 * there is nothing new in it: a repetition, or a fact that a newer one has overtaken. A refusal leaves it as it is;
 * FACT_BEFORE_CLEARANCE and FACT_CONTRADICTS are alarms, because no honest service reports such a thing.
 */
export function decide(command: WithdrawalCommand, withdrawal: Withdrawal | null): Decision {
  if (command.type === "receive") {
    if (withdrawal !== null) return no("ALREADY_RECEIVED", withdrawal);
    return ok([{ type: "received", atMs: command.nowMs, id: command.id }]);
  }
  if (withdrawal === null) return no("WITHDRAWAL_UNKNOWN", null);
  switch (command.type) {
    case "judge":
      return judge(command.findings, command.nowMs, withdrawal);
    case "approve":
      return approve(command.by, command.nowMs, withdrawal);
    case "release-delay":
      return releaseDelay(command.nowMs, withdrawal);
    case "deny":
      if (withdrawal.state === "received") return no("NOT_DENIABLE", withdrawal);
      return step({ type: "rejected", atMs: command.nowMs, by: command.by, findings: [] }, withdrawal, "NOT_DENIABLE");
    case "cancel":
      return step({ type: "cancelled", atMs: command.nowMs, by: command.by }, withdrawal, "NOT_CANCELLABLE");
    case "fail":
      return fail(command, withdrawal);
    case "record":
      return record(command.fact, withdrawal);
    default:
      return unreachable(command);
  }
}

/** Step 2. The strictest finding decides; a delay that a hold outranks still has to pass after the approvals. */
function judge(findings: readonly Finding[], nowMs: number, withdrawal: Withdrawal): Decision {
  if (withdrawal.state === "delayed" && !isOver(withdrawal.notBeforeMs, nowMs)) return no("DELAY_NOT_OVER", withdrawal);
  if (withdrawal.state !== "received" && withdrawal.state !== "delayed") return no("ALREADY_JUDGED", withdrawal);
  const verdict = strictest(findings);
  const notBeforeMs = latestDelayMs(findings);
  switch (verdict.kind) {
    case "reject":
      return ok([{ type: "rejected", atMs: nowMs, by: "online-risk", findings }]);
    case "hold": {
      // Approvals given before answer what the rules found. When no rule was asked nobody has answered yet.
      const given = withdrawal.approvedBy.length;
      const approvals = findings.length === 0 ? given + 1 : verdict.approvals;
      if (given >= approvals) return ok([clearOrDelay(notBeforeMs, nowMs, findings)]);
      return ok([{ type: "held", atMs: nowMs, approvals, notBeforeMs, findings }]);
    }
    case "delay":
      return ok([{ type: "delayed", atMs: nowMs, untilMs: verdict.untilMs, findings }]);
    case "clear":
      return ok([{ type: "cleared", atMs: nowMs, findings }]);
    default:
      return unreachable(verdict);
  }
}

function approve(by: string, nowMs: number, withdrawal: Withdrawal): Decision {
  if (withdrawal.approvedBy.includes(by)) return ok([]);
  if (withdrawal.state !== "held") return no("NOT_HELD", withdrawal);
  const approved: WithdrawalEvent = { type: "approved", atMs: nowMs, by };
  if (withdrawal.approvedBy.length + 1 < withdrawal.approvalsRequired) return ok([approved]);
  return ok([approved, clearOrDelay(withdrawal.notBeforeMs, nowMs, [])]);
}

function releaseDelay(nowMs: number, withdrawal: Withdrawal): Decision {
  if (withdrawal.state !== "delayed") return no("NOT_DELAYED", withdrawal);
  if (!isOver(withdrawal.notBeforeMs, nowMs)) return no("DELAY_NOT_OVER", withdrawal);
  return ok([{ type: "cleared", atMs: nowMs, findings: [] }]);
}

function fail(command: Extract<WithdrawalCommand, { readonly type: "fail" }>, withdrawal: Withdrawal): Decision {
  const { nowMs, by, proof } = command;
  const deepEnough = proof.confirmations >= proof.requiredConfirmations && proof.requiredConfirmations >= 1;
  if (!deepEnough) return no("PROOF_TOO_SHALLOW", withdrawal);
  return step({ type: "failed", atMs: nowMs, by, proof }, withdrawal, "NOT_FAILABLE");
}

/** Steps 3 to 11, as others report them. */
function record(fact: WithdrawalFact, withdrawal: Withdrawal): Decision {
  switch (withdrawal.state) {
    case "received":
    case "held":
    case "delayed":
      return no("FACT_BEFORE_CLEARANCE", withdrawal);
    default:
      return step(fact, withdrawal, "FACT_CONTRADICTS");
  }
}

/** Applies the table: moves, says nothing new, or is refused with the given code. */
function step(event: WithdrawalEvent, withdrawal: Withdrawal, otherwise: RefusalCode): Decision {
  const { from, known } = TRANSITIONS[event.type];
  if (known.includes(withdrawal.state)) return ok([]);
  if (!from.includes(withdrawal.state)) return no(otherwise, withdrawal, `${event.type} while ${withdrawal.state}`);
  return isNewer(event, withdrawal) ? ok([event]) : ok([]);
}

function isNewer(event: WithdrawalEvent, withdrawal: Withdrawal): boolean {
  const { newerBy, to } = TRANSITIONS[event.type];
  switch (newerBy) {
    case "attempt": {
      if (!("attempt" in event) || event.attempt < withdrawal.attempt) return false;
      return event.attempt > withdrawal.attempt || place(to) > place(withdrawal.state);
    }
    case "revision":
      return "revision" in event && event.revision > withdrawal.chainRevision;
    case null:
      return true;
    default:
      return unreachable(newerBy);
  }
}

function place(state: WithdrawalState): number {
  return (UNSIGNED_STATES as readonly WithdrawalState[]).indexOf(state);
}

/** Applies an event that was decided. Facts never take back what a newer fact said; see the table. */
export function evolve(withdrawal: Withdrawal | null, event: WithdrawalEvent): Withdrawal {
  if (event.type === "received") return { ...BLANK, id: event.id };
  if (withdrawal === null) throw new Error(`${event.type} of a withdrawal that was never received`);
  const moved: Withdrawal = { ...withdrawal, state: TRANSITIONS[event.type].to };
  switch (event.type) {
    case "held":
      return { ...moved, approvalsRequired: event.approvals, notBeforeMs: event.notBeforeMs };
    case "delayed":
      return { ...moved, notBeforeMs: event.untilMs };
    case "approved":
      return { ...moved, approvedBy: [...withdrawal.approvedBy, event.by].toSorted() };
    case "planned":
    case "signing":
    case "signing_delayed":
    case "replanned":
    case "refused":
    case "replacement_refused":
    case "signed":
      return { ...moved, attempt: Math.max(withdrawal.attempt, event.attempt) };
    case "included":
    case "reorged":
    case "completed":
      return { ...moved, chainRevision: event.revision };
    case "rejected":
    case "cleared":
    case "cancelled":
    case "failed":
    case "broadcast":
      return moved;
    default:
      return unreachable(event);
  }
}

const BLANK: Omit<Withdrawal, "id"> = {
  state: "received",
  notBeforeMs: null,
  approvalsRequired: 0,
  approvedBy: [],
  attempt: 0,
  chainRevision: 0,
};

function clearOrDelay(notBeforeMs: number | null, nowMs: number, findings: readonly Finding[]): WithdrawalEvent {
  if (notBeforeMs === null || notBeforeMs <= nowMs) return { type: "cleared", atMs: nowMs, findings };
  return { type: "delayed", atMs: nowMs, untilMs: notBeforeMs, findings };
}

function isOver(notBeforeMs: number | null, nowMs: number): boolean {
  return notBeforeMs !== null && nowMs >= notBeforeMs;
}

function no(code: RefusalCode, withdrawal: Withdrawal | null, what?: string): Decision {
  const state = withdrawal?.state ?? null;
  const { detail } = refusal(code);
  return refused({
    code,
    detail: `${detail}; ${what ?? (state === null ? "it is unknown" : `it is ${state}`)}`,
    state,
  });
}
