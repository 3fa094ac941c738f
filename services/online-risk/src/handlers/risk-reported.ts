// Step 5: what the semi-offline zone decided about a task. What it signed is heard of from vault, once it is finalised.

import type { OpenedOf, Sealer } from "@sluice/contracts";
import { unreachable } from "@sluice/core";
import { type Handler, OperatingError } from "@sluice/messaging";
import type { Transaction } from "@sluice/postgres";
import { change } from "@sluice/progress";
import { noteReport } from "@sluice/report-watch";
import { insertFindings, noteAnchor, noteOwnTransaction } from "@sluice/risk-memory";
import { inOrder, lockKnown, type Reported, record } from "../facts.ts";

type Report = OpenedOf<"risk.reported.v1">;
type About = Extract<Report["message"]["verdict"], { readonly case: "refused" }>["value"]["findings"][number];

export function riskReported(sealer: Sealer, now: () => number): Handler<"risk.reported.v1"> {
  return async (tx, report) => {
    const { verdict } = report.message;
    await noteReport(tx, report, now());
    await keepAnchors(tx, report);
    switch (verdict.case) {
      case "signed":
        return;
      case "delayed":
        await keepFindings(tx, report, verdict.value.findings);
        await record(tx, sealer, delayed(report, verdict.value.untilMs, verdict.value.findings));
        return tellWhy(tx, sealer, report, verdict.value.findings);
      case "refused":
        await keepFindings(tx, report, verdict.value.findings);
        if (verdict.value.signatureMayExist) return leaveToPeople(tx, sealer, report);
        return record(tx, sealer, refused(report, verdict.value.findings));
      default:
        return unreachable(verdict);
    }
  };
}

/** Every transaction ever signed for a withdrawal spends its anchor: the zone names it, and what it has signed. */
async function keepAnchors(tx: Transaction, { message }: Report): Promise<void> {
  for (const { withdrawalId, anchor } of message.anchors ?? []) {
    if (await noteAnchor(tx, withdrawalId, anchor)) continue;
    throw new OperatingError("ANCHOR_CHANGED", "park", `the zone named another anchor of ${withdrawalId} before`);
  }
  if (message.transactionId === "") return;
  for (const { withdrawalId } of message.withdrawals) await noteOwnTransaction(tx, withdrawalId, message.transactionId);
}

const REPLANNED = "planned again, because its batch was refused for something else";

function delayed({ message, occurredAtMs: atMs }: Report, untilMs: number, findings: readonly About[]) {
  return message.withdrawals.map(({ withdrawalId, attempt }): Reported => {
    const why = `${new Date(untilMs).toISOString()}: ${reasons(about(withdrawalId, findings))}`;
    const told = { detail: `the semi-offline zone waits until ${why}` };
    return { withdrawalId, fact: { type: "signing_delayed", atMs, attempt, untilMs }, told };
  });
}

/** It waits already, and now for something else: that is shown. The same reason until a later time is nothing new. */
async function tellWhy(tx: Transaction, sealer: Sealer, report: Report, findings: readonly About[]): Promise<void> {
  const { message, occurredAtMs } = report;
  for (const { withdrawalId, attempt } of inOrder(message.withdrawals)) {
    const stored = await lockKnown(tx, withdrawalId);
    const why = reasons(about(withdrawalId, findings));
    const isOfIt = stored.state === "signing_delayed" && stored.attempt === attempt;
    if (!isOfIt || stored.changedAtMs > occurredAtMs || stored.detail.endsWith(`: ${why}`)) continue;
    await change(tx, sealer, { ...stored, detail: `the semi-offline zone waits: ${why}`, changedAtMs: occurredAtMs });
  }
}

/**
 * One with a finding of its own is refused for good, unless it is only suspended; the others of its batch are planned again. Neither is so for one that
 * was ordered before: its earlier transaction may be signed, and only a replacement of that is refused.
 */
function refused({ message, occurredAtMs: atMs }: Report, findings: readonly About[]) {
  return message.withdrawals.map(({ withdrawalId, attempt }): Reported => {
    const isReplacement = message.orderedBefore?.includes(withdrawalId) === true;
    if (isReplacement) return { withdrawalId, fact: { type: "replacement_refused", atMs, attempt } };
    const own = findings.filter((finding) => finding.withdrawalId === withdrawalId);
    const detail = `refused by the semi-offline zone: ${reasons(own)}`;
    if (own.length > 0 && own.every(({ finding: { rule } }) => rule === "SUSPENDED")) {
      const told = { detail: `waits until people have reopened it: ${reasons(own)}` };
      return { withdrawalId, fact: { type: "replanned", atMs, attempt: attempt + 1 }, told };
    }
    if (own.length > 0) return { withdrawalId, fact: { type: "refused", atMs, attempt }, told: { detail } };
    return { withdrawalId, fact: { type: "replanned", atMs, attempt: attempt + 1 }, told: { detail: REPLANNED } };
  });
}

/** A signature may be out there: nothing may be called refused that could still be paid, and nothing be planned again. */
async function leaveToPeople(tx: Transaction, sealer: Sealer, { message, occurredAtMs }: Report): Promise<void> {
  for (const { withdrawalId } of inOrder(message.withdrawals)) {
    const stored = await lockKnown(tx, withdrawalId);
    const detail = `task ${message.taskId} was refused, but a signature may exist: a person has to look`;
    await change(tx, sealer, { ...stored, detail, changedAtMs: occurredAtMs });
  }
}

async function keepFindings(tx: Transaction, report: Report, findings: readonly About[]): Promise<void> {
  for (const { withdrawalId } of inOrder(report.message.withdrawals)) {
    await lockKnown(tx, withdrawalId);
    const ofIt = about(withdrawalId, findings).map(({ finding }) => finding);
    await insertFindings(tx, "semi-offline-risk", [{ id: withdrawalId, findings: ofIt, atMs: report.occurredAtMs }]);
  }
}

/** Its own findings, and those about the whole task. */
function about(withdrawalId: string, findings: readonly About[]): readonly About[] {
  return findings.filter((finding) => finding.withdrawalId === "" || finding.withdrawalId === withdrawalId);
}

function reasons(findings: readonly About[]): string {
  return findings.map(({ finding: { rule, reason } }) => `${rule}: ${reason}`).join(" ");
}
