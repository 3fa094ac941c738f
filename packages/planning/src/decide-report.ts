// Step 8: what a verdict of the semi-offline zone means for its task. Pure; nothing in a report is believed that the task does not bear out.
import { finalisePayout, type WalletDescriptor } from "@sluice/chains";
import type { MessageOf } from "@sluice/contracts";
import { unreachable } from "@sluice/core";

export type TaskState =
  | "planned"
  | "submitted"
  | "delayed"
  | "refused"
  | "stuck_for_person"
  | "signed"
  | "confirmed"
  | "superseded";

/** A task as it stands, with what it pays. */
export type TaskView = {
  readonly taskId: string;
  readonly transactionId: string;
  readonly psbt: Uint8Array;
  readonly state: TaskState;
  /** The version of the same payout, signed before, that it is to take the place of. */
  readonly replaces: string | null;
  readonly purpose: "" | "internal";
  readonly withdrawals: readonly { readonly withdrawalId: string; readonly attempt: number }[];
};

export type Report = MessageOf<"risk.reported.v1">;

export type ReportDecision =
  | { readonly kind: "signed"; readonly transaction: Uint8Array }
  | { readonly kind: "delayed"; readonly untilMs: number }
  /** `refused` are paid never; `suspended` wait for a reopening, and they and `replanned` go into another transaction, each as its next attempt. */
  | {
      readonly kind: "refused";
      readonly refused: readonly string[];
      readonly suspended: readonly string[];
      readonly replanned: readonly string[];
      readonly code: string;
      readonly detail: string;
    }
  /** Only the replacement is refused, or the internal transfer: nobody's withdrawal ends or is planned again by it. */
  | { readonly kind: "given-up"; readonly code: string; readonly detail: string }
  /** Another version is final by now, so this one is neither released nor an alarm. */
  | { readonly kind: "late" }
  /** Everything stays reserved until a person has looked. Others hear of the report only if it can be believed. */
  | { readonly kind: "stuck"; readonly code: string; readonly detail: string; readonly publish: boolean }
  /** It says what is known already. */
  | { readonly kind: "known" }
  | { readonly kind: "parked"; readonly code: "TASK_UNKNOWN" | "REPORT_AFTER_VERDICT"; readonly detail: string };

export function decideReport(task: TaskView, report: Report, wallet: WalletDescriptor): ReportDecision {
  const mismatch = mismatchOf(task, report);
  if (task.state === "superseded" && mismatch === null) return { kind: "late" };
  if (!isLive(task.state)) {
    const repeated = report.verdict.case === "signed" && mismatch === null && isReleased(task.state);
    if (repeated) return { kind: "known" };
    return { kind: "parked", code: "REPORT_AFTER_VERDICT", detail: `${report.verdict.case}, but it is ${task.state}` };
  }
  if (mismatch !== null) return { kind: "stuck", code: "REPORT_MISMATCH", detail: mismatch, publish: false };
  const { verdict } = report;
  switch (verdict.case) {
    case "signed": {
      const finalised = finalisePayout(task.psbt, verdict.value.psbt, wallet);
      if (finalised.ok) return { kind: "signed", transaction: finalised.value.transaction };
      return { kind: "stuck", ...finalised.refusal, publish: false };
    }
    case "delayed":
      return { kind: "delayed", untilMs: verdict.value.untilMs };
    case "refused":
      return decideRefusal(task, verdict.value);
    default:
      return unreachable(verdict);
  }
}

/** Withdrawals with a finding of their own are refused, or suspended. The others were only in the same transaction with them. */
function decideRefusal(
  task: TaskView,
  { findings, signatureMayExist }: Extract<Report["verdict"], { readonly case: "refused" }>["value"],
): ReportDecision {
  const detail = findings.map(({ finding: { rule, reason } }) => `${rule}: ${reason}`).join("; ");
  if (signatureMayExist) return { kind: "stuck", code: "SIGNATURE_MAY_EXIST", detail, publish: true };
  const code = findings[0]?.finding.rule ?? "REFUSED";
  if (task.replaces !== null || task.purpose === "internal") return { kind: "given-up", code, detail };
  const isSuspension = ({ finding: { rule } }: (typeof findings)[number]) => rule === "SUSPENDED";
  const own = new Set(findings.filter((each) => !isSuspension(each)).map(({ withdrawalId }) => withdrawalId));
  const stopped = new Set(findings.filter(isSuspension).map(({ withdrawalId }) => withdrawalId));
  const ids = task.withdrawals.map(({ withdrawalId }) => withdrawalId);
  return {
    kind: "refused",
    refused: ids.filter((id) => own.has(id)),
    suspended: ids.filter((id) => stopped.has(id) && !own.has(id)),
    replanned: ids.filter((id) => !stopped.has(id) && !own.has(id)),
    code,
    detail,
  };
}

function isLive(state: TaskState): boolean {
  return state === "planned" || state === "submitted" || state === "delayed";
}

function isReleased(state: TaskState): boolean {
  return state === "signed" || state === "confirmed";
}

/** How the report speaks of something else than the task; null when it does not. */
function mismatchOf(task: TaskView, report: Report): string | null {
  const signed = report.verdict.case === "signed";
  // A refusal may come before the bytes could be read, so it may leave out what it would have found there.
  if (report.transactionId !== task.transactionId && (signed || report.transactionId !== "")) {
    return `the report is about transaction ${report.transactionId}`;
  }
  const planned = new Set(task.withdrawals.map(({ withdrawalId, attempt }) => `${withdrawalId}/${attempt}`));
  const reported = new Set(report.withdrawals.map(({ withdrawalId, attempt }) => `${withdrawalId}/${attempt}`));
  const same = reported.size === planned.size && [...reported].every((each) => planned.has(each));
  if (!same && (signed || reported.size > 0)) return "the report names other withdrawals or attempts";
  const findings = report.verdict.case === "signed" ? [] : report.verdict.value.findings;
  const ids = new Set(["", ...task.withdrawals.map(({ withdrawalId }) => withdrawalId)]);
  const stranger = findings.find(({ withdrawalId }) => !ids.has(withdrawalId));
  return stranger === undefined ? null : `a finding is about ${stranger.withdrawalId}, which the task does not pay`;
}
