// The table at the end: what was decided, by whom and why, and how long each step took.
import type { WithdrawalDetails } from "@sluice/client";
import { formatAmount } from "@sluice/core";
import Table from "cli-table3";
import type { Outcome } from "./scenario.ts";

export function renderTable(outcomes: readonly Outcome[]): string {
  const table = new Table({
    head: [
      "withdrawal",
      "online verdict",
      "semi-offline verdict",
      "ended",
      "transaction, confirmations",
      "ms per step",
    ],
    colWidths: [18, 30, 30, 12, 36, 26],
    wordWrap: true,
    wrapOnWordBoundary: false,
    style: { head: [], border: [] },
  });
  for (const { withdrawal, details, payment } of outcomes) {
    table.push([
      `${withdrawal.request.id}\n${withdrawal.request.account}\n${formatAmount(withdrawal.request.amount, "BTC")}`,
      verdictOf(details, "online-risk", onlineVerdict(details)),
      semiOfflineVerdict(details),
      details.state,
      payment === null ? "none" : `${payment.txid}\n${payment.confirmations} confirmations`,
      stepsOf(details),
    ]);
  }
  return table.toString();
}

function onlineVerdict({ state, approvals }: WithdrawalDetails): string {
  if (state === "rejected") return "reject";
  return approvals.required === 0 ? "clear" : `hold, approved by ${approvals.by.join(" and ")}`;
}

function semiOfflineVerdict(details: WithdrawalDetails): string {
  if (details.state === "rejected") return "not asked";
  return verdictOf(details, "semi-offline-risk", details.state === "refused" ? "refuse" : "sign");
}

/** The reasons against it; when there are none, the rules that had nothing against it. */
function verdictOf(details: WithdrawalDetails, by: "online-risk" | "semi-offline-risk", verdict: string): string {
  const findings = details.findings.filter((finding) => finding.by === by);
  const against = findings.filter((finding) => finding.verdict !== "clear" && finding.verdict !== "sign");
  if (against.length > 0) return [verdict, ...against.map(({ rule, reason }) => `${rule}: ${reason}`)].join("\n");
  return findings.length === 0 ? verdict : `${verdict}\n${findings.length} rules, nothing against it`;
}

/** From each change to the next. The times are those of the processes that caused them, so two may lie the other way round. */
function stepsOf({ history }: WithdrawalDetails): string {
  return history
    .slice(1)
    .map(({ state, atMs }, at) => `${state} +${Math.max(0, atMs - (history[at]?.atMs ?? atMs))}`)
    .join("\n");
}
