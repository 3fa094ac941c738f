// Applies what was decided: saves each event as a revision, tells of it, and seals the clearance, in one transaction.

import type { MessageOf, Sealer } from "@sluice/contracts";
import { evolve, type Finding, type WithdrawalEvent } from "@sluice/core";
import { OperatingError } from "@sluice/messaging";
import { announceAll } from "@sluice/online-service";
import type { Transaction } from "@sluice/postgres";
import {
  approveDestinations,
  insertFindings,
  listFindings,
  loadApprovals,
  loadRequests,
  type Stored,
  saveWithdrawals,
} from "@sluice/risk-memory";

/** What a fact tells beside the state. */
export type Told = Partial<Pick<Stored, "transactionId" | "confirmations" | "requiredConfirmations">> & {
  readonly detail?: string;
  /** By which the findings were made. */
  readonly policyVersion?: number;
};

/** What was decided about one withdrawal that the transaction has locked. */
export type Decided = {
  readonly stored: Stored;
  readonly events: readonly WithdrawalEvent[];
  readonly told?: Told;
};

/** Applies events to a withdrawal that the transaction has locked. */
export async function apply(
  tx: Transaction,
  sealer: Sealer,
  stored: Stored,
  events: readonly WithdrawalEvent[],
  told: Told = {},
): Promise<Stored> {
  const [moved] = await applyAll(tx, sealer, [{ stored, events, told }]);
  return moved ?? stored;
}

/** The same for many different ones, with as many statements as for one; resolves to how they stand, in the same order. */
export async function applyAll(
  tx: Transaction,
  sealer: Sealer,
  decided: readonly Decided[],
): Promise<readonly Stored[]> {
  const standing = decided.map(({ stored }) => stored);
  const most = Math.max(0, ...decided.map(({ events }) => events.length));
  for (let round = 0; round < most; round += 1) {
    const steps = decided.flatMap(({ events, told = {} }, at) => {
      const [event, current] = [events[round], standing[at]];
      if (event === undefined || current === undefined) return [];
      return [{ at, event, next: moved(current, event, told), policyVersion: told.policyVersion }];
    });
    for (const { at, next } of steps) standing[at] = next;
    const all = steps.map(({ next, event, policyVersion }) => {
      const findings = "findings" in event ? event.findings.map(worded) : [];
      return { ...{ id: next.id, next, findings, atMs: event.atMs }, policyVersion };
    });
    await changeAll(tx, sealer, all);
    await insertFindings(tx, "online-risk", all);
    const cleared = steps.filter(({ event }) => event.type === "cleared");
    await sealClearances(
      tx,
      sealer,
      cleared.map(({ next, event }) => ({ stored: next, atMs: event.atMs })),
    );
  }
  return standing;
}

function moved(
  current: Stored,
  event: WithdrawalEvent,
  { detail = describe(event), policyVersion: _, ...rest }: Told,
): Stored {
  const clearing = event.type === "cleared" ? { clearedAtMs: event.atMs } : {};
  const evolved = { ...current, ...evolve(current, event), ...rest, ...clearing };
  return { ...evolved, detail, changedAtMs: event.atMs, revision: current.revision + 1 };
}

/** Saves the next revision as it is given, and tells of it. */
export async function change(tx: Transaction, sealer: Sealer, given: Stored): Promise<Stored> {
  const next = { ...given, revision: given.revision + 1 };
  await changeAll(tx, sealer, [{ next, findings: [] }]);
  return next;
}

type Change = { readonly next: Stored; readonly findings: readonly WordedFinding[] };

async function changeAll(tx: Transaction, sealer: Sealer, changes: readonly Change[]): Promise<void> {
  const [overtaken] = await saveWithdrawals(
    tx,
    changes.map(({ next }) => next),
  );
  if (overtaken !== undefined) {
    throw new OperatingError("REVISION_CHANGED", "retry", `${overtaken} was changed by somebody else in between`);
  }
  await tellAll(tx, sealer, changes);
}

/** Step 11, and every step before: the backend learns what became of withdrawals. */
export async function tell(tx: Transaction, sealer: Sealer, stored: readonly Stored[]): Promise<void> {
  await tellAll(
    tx,
    sealer,
    stored.map((next) => ({ next, findings: [] })),
  );
}

async function tellAll(tx: Transaction, sealer: Sealer, changes: readonly Change[]): Promise<void> {
  const outgoing = changes.map(({ next: stored, findings }) => ({
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
  }));
  await announceAll(tx, sealer, "withdrawal.changed.v1", outgoing);
}

type Cleared = { readonly stored: Stored; readonly atMs: number };

/**
 * A clearance holds the backend's request as it was signed, what each rule found last, and what each of those signed who
 * approved it, so that whoever pays need not believe it.
 */
async function sealClearances(tx: Transaction, sealer: Sealer, cleared: readonly Cleared[]): Promise<void> {
  if (cleared.length === 0) return;
  const approved = cleared.filter(({ stored }) => stored.approvedBy.length > 0);
  if (approved.length > 0) {
    await insertFindings(tx, "online-risk", approved.map(approvalOf));
    await approveDestinations(
      tx,
      approved.map(({ stored: { account, scriptPubKey }, atMs }) => ({ account, scriptPubKey, atMs })),
    );
  }
  const ids = cleared.map(({ stored }) => stored.id);
  const found = await listFindings(tx, ids);
  const requests = await loadRequests(tx, ids);
  const approvals = await loadApprovals(
    tx,
    approved.map(({ stored }) => stored),
  );
  const outgoing = cleared.map(({ stored: { id, feePayer, feeMinor }, atMs }) => {
    const newest = new Map((found.get(id) ?? []).map((finding) => [finding.rule, finding]));
    const findings = [...newest.values()].map(({ by: _, atMs: __, ...finding }) => finding);
    const request = requests.get(id);
    if (request === undefined) throw new Error(`the signed request of ${id} is gone`);
    return {
      ...{ id: `${id}/cleared`, key: id, occurredAtMs: atMs },
      message: {
        ...{ withdrawalId: id, request, findings, clearedAtMs: atMs, approvals: approvals.get(id) ?? [] },
        ...(feePayer === "customer" && feeMinor > 0n ? { customerFeeMinor: `${feeMinor}` } : {}),
      },
    };
  });
  await announceAll(tx, sealer, "withdrawal.cleared.v1", outgoing);
}

function approvalOf({ stored, atMs }: Cleared) {
  const reason = `Approved ${stored.approvedBy.length} of ${stored.approvalsRequired} times.`;
  const evidence = { approvedBy: stored.approvedBy.join(", ") };
  return { id: stored.id, atMs, findings: [{ rule: "APPROVALS", verdict: "clear", reason, evidence }] };
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
