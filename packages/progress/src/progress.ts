// Applies what was decided: saves each event as a revision, tells of it, and seals the clearance, in one transaction.

import type { MessageOf, Sealer } from "@sluice/contracts";
import { evolve, type Finding, type WithdrawalEvent } from "@sluice/core";
import { OperatingError } from "@sluice/messaging";
import { announce } from "@sluice/online-service";
import type { Transaction } from "@sluice/postgres";
import {
  approveDestination,
  insertFindings,
  listFindings,
  loadRequest,
  type Stored,
  saveWithdrawal,
} from "@sluice/risk-memory";

/** What a fact tells beside the state. */
export type Told = Partial<Pick<Stored, "transactionId" | "confirmations" | "requiredConfirmations">> & {
  readonly detail?: string;
  /** By which the findings were made. */
  readonly policyVersion?: number;
};

/** Applies events to a withdrawal that the transaction has locked. */
export async function apply(
  tx: Transaction,
  sealer: Sealer,
  stored: Stored,
  events: readonly WithdrawalEvent[],
  told: Told = {},
): Promise<Stored> {
  let current = stored;
  for (const event of events) {
    const evolved = evolve(current, event);
    const { detail = describe(event), policyVersion, ...rest } = told;
    const clearing = event.type === "cleared" ? { clearedAtMs: event.atMs } : {};
    const moved = { ...current, ...evolved, ...rest, ...clearing };
    const findings = "findings" in event ? event.findings : [];
    current = await change(tx, sealer, { ...moved, detail, changedAtMs: event.atMs }, findings.map(worded));
    await insertFindings(tx, current.id, "online-risk", findings.map(worded), event.atMs, policyVersion);
    if (event.type === "cleared") await sealClearance(tx, sealer, current, event.atMs);
  }
  return current;
}

/** Saves the next revision as it is given, and tells of it. */
export async function change(
  tx: Transaction,
  sealer: Sealer,
  moved: Stored,
  findings: readonly WordedFinding[] = [],
): Promise<Stored> {
  const next = { ...moved, revision: moved.revision + 1 };
  if (!(await saveWithdrawal(tx, next))) {
    throw new OperatingError("REVISION_CHANGED", "retry", `${next.id} was changed by somebody else in between`);
  }
  await tell(tx, sealer, next, findings);
  return next;
}

/** Step 11, and every step before: the backend learns what became of a withdrawal. */
export async function tell(
  tx: Transaction,
  sealer: Sealer,
  stored: Stored,
  findings: readonly WordedFinding[] = [],
): Promise<void> {
  await announce(tx, sealer, "withdrawal.changed.v1", {
    id: `${stored.id}/changed/${stored.revision}`,
    key: stored.id,
    occurredAtMs: stored.changedAtMs,
    message: {
      withdrawalId: stored.id,
      account: stored.account,
      asset: stored.asset,
      amountMinor: stored.amountMinor.toString(),
      address: stored.address,
      state: stored.state,
      detail: stored.detail,
      transactionId: stored.transactionId ?? "",
      revision: stored.revision,
      changedAtMs: stored.changedAtMs,
      findings,
      confirmations: stored.confirmations,
    },
  });
}

/** The clearance holds the backend's request as it was signed, and what each rule found last, with the approvals that answered it. */
async function sealClearance(tx: Transaction, sealer: Sealer, stored: Stored, atMs: number): Promise<void> {
  if (stored.approvedBy.length > 0) {
    const reason = `Approved ${stored.approvedBy.length} of ${stored.approvalsRequired} times.`;
    const evidence = { approvedBy: stored.approvedBy.join(", ") };
    await insertFindings(
      tx,
      stored.id,
      "online-risk",
      [{ rule: "APPROVALS", verdict: "clear", reason, evidence }],
      atMs,
    );
    await approveDestination(tx, stored, atMs);
  }
  const newest = new Map((await listFindings(tx, stored.id)).map((finding) => [finding.rule, finding]));
  const findings = [...newest.values()].map(({ by: _, atMs: __, ...finding }) => finding);
  await announce(tx, sealer, "withdrawal.cleared.v1", {
    id: `${stored.id}/cleared`,
    key: stored.id,
    occurredAtMs: atMs,
    message: {
      ...{ withdrawalId: stored.id, request: await loadRequest(tx, stored.id), findings, clearedAtMs: atMs },
      ...(stored.feePayer === "customer" && stored.feeMinor > 0n ? { customerFeeMinor: `${stored.feeMinor}` } : {}),
    },
  });
}

export type WordedFinding = MessageOf<"withdrawal.changed.v1">["findings"][number];

function worded({ verdict, ...finding }: Finding): WordedFinding {
  return { ...finding, verdict: verdict.kind };
}

function describe(event: WithdrawalEvent): string {
  switch (event.type) {
    case "held":
      return `waits for ${event.approvals} approval${event.approvals === 1 ? "" : "s"}: ${reasons(event.findings)}`;
    case "delayed":
      return `waits until ${new Date(event.untilMs).toISOString()}: ${reasons(event.findings)}`;
    case "rejected":
      return `rejected by ${event.by}: ${reasons(event.findings)}`;
    case "cleared":
      return "every rule is satisfied";
    case "approved":
    case "cancelled":
      return `${event.type} by ${event.by}`;
    default:
      return event.type;
  }
}

function reasons(findings: readonly Finding[]): string {
  const against = findings.filter(({ verdict }) => verdict.kind !== "clear");
  return against.map(({ rule, reason }) => `${rule}: ${reason}`).join(" ") || "as before";
}
