// How a run stands: what is not confirmed, what is not final, and what the services' own metrics say of it.

import type { Stack } from "@sluice/devstack";
import type { Observer } from "../chaos/observe.ts";

const PUBLISHERS = ["online-risk", "vault", "blockchain-gateway"];

export async function countUnconfirmed({ databaseOf }: Observer): Promise<number> {
  const sql = "select count(*) as n from outbox where published_at is null or awaits <> '{}'";
  const counts = PUBLISHERS.map(async (service) => (await databaseOf(service).query<{ n: bigint }>(sql)).rows[0]?.n);
  return (await Promise.all(counts)).reduce((sum, n) => sum + Number(n ?? 0), 0);
}

/** For a run that does not come to its end. */
export async function describeStanding({ databaseOf }: Observer): Promise<string> {
  const sql = `select topic, awaits::text, count(*)::int as rows, max(sent_count) as sent, max(send_again_at)::text as next
    from outbox where published_at is null or awaits <> '{}' group by topic, awaits`;
  const unconfirmed = PUBLISHERS.map(
    async (service) => [service, (await databaseOf(service).query(sql)).rows] as const,
  );
  const states = "select state, count(*)::int as n, min(id) as one from withdrawal group by state";
  const { rows } = await databaseOf("online-risk").query(states);
  return JSON.stringify({ withdrawals: rows, unconfirmed: Object.fromEntries(await Promise.all(unconfirmed)) });
}

export async function readSentAgain(stack: Stack): Promise<number> {
  const found = await readMetrics(stack, /^sluice_outbox_sent_again_total\{[^}]*\} (\d+)$/gm);
  return found.reduce((sum, count) => sum + Number(count), 0);
}

/** The readers that publishers' metrics name as not having confirmed everything. */
export async function readUnconfirmedReaders(stack: Stack): Promise<readonly string[]> {
  return [...new Set(await readMetrics(stack, /^sluice_outbox_unconfirmed_seconds\{[^}]*consumer="([^"]+)"/gm))].sort();
}

async function readMetrics({ httpUrls }: Stack, pattern: RegExp): Promise<readonly string[]> {
  const texts = Object.values(httpUrls).map(async (url) => (await fetch(`${url}/metrics`)).text());
  return (await Promise.all(texts)).flatMap((text) => [...text.matchAll(pattern)].map((match) => match[1] ?? ""));
}
