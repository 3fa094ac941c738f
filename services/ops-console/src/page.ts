// The console's pages, rendered on the server from what is known at this moment.
import { formatAmount, parseAsset } from "@sluice/core";
import { type Html, html } from "./html.ts";
import type { ServiceOverview } from "./overview.ts";
import type { KeptZoneReport, ListedChange, ListedNotice, ListedWithdrawal } from "./store.ts";
import { type ListedSuspension, suspensionList } from "./suspensions.ts";

export type Overview = {
  readonly suspensions: readonly ListedSuspension[];
  readonly withdrawals: readonly ListedWithdrawal[];
  readonly services: readonly ServiceOverview[];
  readonly zone: KeptZoneReport | null;
  readonly notices: readonly ListedNotice[];
};

export function overviewPage({ suspensions, withdrawals, services, zone, notices }: Overview, nowMs: number): string {
  return page(html`
    <h2>Suspended</h2>
    ${suspensionList(suspensions)}
    <h2>Services</h2>
    ${table(["Service", "Ready", "Parts"], services.map(serviceRow))}
    <h2>Semi-offline zone</h2>
    ${zone === null ? html`<p class="bad">Nothing was heard from it yet.</p>` : zoneReport(zone, nowMs)}
    <h2>Notices</h2>
    ${table(["What", "About", "At", "Content"], notices.map(noticeRow))}
    <h2>Dead letters</h2>
    ${deadLetterTable(services)}
    <h2>Withdrawals</h2>
    ${table(
      ["Id", "Account", "Amount", "To", "State", "Detail", "Wallet", "Transaction", "Confirmations", "Changed"],
      withdrawals.map(withdrawalRow),
    )}`);
}

export function withdrawalPage(withdrawalId: string, changes: readonly ListedChange[]): string {
  const rows = changes.map(
    (change) => html`<tr><td>${change.revision}</td><td class="state">${change.state}</td>
      <td>${change.changedAt.toISOString()}</td><td>${change.detail}</td><td>${change.walletId}</td><td><code>${change.transactionId}</code></td>
      <td><pre>${JSON.stringify(change.findings, null, 1)}</pre></td></tr>`,
  );
  return page(html`
    <h2>${withdrawalId}</h2>
    ${table(["#", "State", "At", "Detail", "Wallet", "Transaction", "Findings"], rows)}`);
}

function serviceRow({ name, ready, dependencies }: ServiceOverview): Html {
  const parts = dependencies.map(
    (part) => html`<span class="${part.ok ? "good" : "bad"}">${part.name}: ${part.detail}</span> `,
  );
  return html`<tr><td>${name}</td><td class="${ready ? "good" : "bad"}">${ready ? "ready" : "not ready"}</td>
    <td>${parts}</td></tr>`;
}

/** The zone says something at least every quarter of a minute; what is older says nothing about now. */
const ZONE_SILENT_AFTER_MS = 60_000;

function zoneReport({ occurredAt, report }: KeptZoneReport, nowMs: number): Html {
  const silentMs = nowMs - occurredAt.getTime();
  const silent = silentMs > ZONE_SILENT_AFTER_MS;
  return html`<p class="${silent ? "bad" : "good"}">${silent ? "Silent since" : "Heard at"} ${occurredAt.toISOString()}</p>
    <pre>${JSON.stringify(report, null, 2)}</pre>`;
}

function noticeRow({ type, key, occurredAt, body }: ListedNotice): Html {
  return html`<tr><td>${type}</td><td><code>${key}</code></td><td>${occurredAt.toISOString()}</td>
    <td><pre>${JSON.stringify(body)}</pre></td></tr>`;
}

function deadLetterTable(services: readonly ServiceOverview[]): Html {
  const rows = services.flatMap(({ name, deadLetters }) =>
    deadLetters.map(
      (letter) => html`<tr><td>${name}</td><td>${letter.topic}</td><td>${letter.key ?? ""}</td>
        <td>${letter.code}: ${letter.reason}</td><td>${letter.attempts}</td>
        <td><button data-post="/services/${encodeURIComponent(name)}/dead-letters/${letter.id}/retry">Retry</button></td></tr>`,
    ),
  );
  if (rows.length === 0) return html`<p class="good">None.</p>`;
  return table(["Service", "Topic", "About", "Why", "Tries", ""], rows);
}

function withdrawalRow(w: ListedWithdrawal): Html {
  return html`<tr><td><a href="/withdrawals/${encodeURIComponent(w.withdrawalId)}">${w.withdrawalId}</a></td>
    <td>${w.account}</td><td>${amountOf(w)}</td><td><code>${w.address}</code></td><td class="state">${w.state}</td>
    <td>${w.detail}</td><td>${w.walletId}</td><td><code>${w.transactionId}</code></td><td>${w.confirmations}</td>
    <td>${w.changedAt.toISOString()}</td></tr>`;
}

function amountOf({ amountMinor, asset }: ListedWithdrawal): string {
  const known = parseAsset(asset);
  return known.ok ? formatAmount(BigInt(amountMinor), known.value) : `${amountMinor} minor units of ${asset}`;
}

function table(heads: readonly string[], rows: readonly Html[]): Html {
  return html`<table><thead><tr>${heads.map((head) => html`<th>${head}</th>`)}</tr></thead><tbody>${rows}</tbody></table>`;
}

function page(content: Html): string {
  return `<!doctype html>${
    html`<html lang="en"><head><meta charset="utf-8"><title>Sluice</title>
      <link rel="stylesheet" href="/console.css"><script src="/console.js" defer></script></head>
      <body><h1><a href="/">Sluice</a></h1>${content}</body></html>`.text
  }`;
}
