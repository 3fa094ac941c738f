// What is suspended, in the console's tables and in plain words.
import type { MessageOf } from "@sluice/contracts";
import type { Queryable, Transaction } from "@sluice/postgres";
import { type Html, html } from "./html.ts";

type Word = MessageOf<"suspension.changed.v1">;

/** In any order, and more than once. */
export async function keepSuspension(tx: Transaction, word: Word): Promise<void> {
  const {
    suspensionId,
    kind,
    values,
    isStanding,
    reason = "",
    suspendedBy = "",
    suspendedAtMs = 0,
    changedAtMs,
  } = word;
  await tx.query(
    `insert into suspension as s (id, kind, said_values, reason, suspended_by, suspended_at, is_standing)
     values ($1, $2, $3, $4, $5, $6, $7) on conflict (id) do update set is_standing = s.is_standing and excluded.is_standing`,
    [
      ...[suspensionId, kind, [...values], reason, suspendedBy],
      // Words from before these fields say only when they were said.
      ...[new Date(suspendedAtMs === 0 ? changedAtMs : suspendedAtMs), isStanding],
    ],
  );
}

export type ListedSuspension = {
  readonly id: string;
  readonly kind: Word["kind"];
  readonly value: string;
  readonly reason: string;
  readonly suspendedBy: string;
  readonly suspendedAt: Date;
  /** Withdrawals that it is about and that nobody has signed; counted up to MOST_COUNTED. */
  readonly waiting: number;
};

const MOST_COUNTED = 1_000;

/** The newest first. Of a wallet those are counted that vault has planned from it: the others go to another wallet. */
const STANDING = `
  select id, kind, said_values[1] as value, reason, suspended_by as "suspendedBy", suspended_at as "suspendedAt",
         counted.waiting::integer as waiting
  from suspension s cross join lateral (
    select count(*) as waiting from (
      select from withdrawal w left join payer using (transaction_id)
      where w.changed_at > $2 and w.state in ('received', 'held', 'delayed', 'cleared', 'planned', 'signing', 'signing_delayed')
        and (s.kind = 'all' or (s.kind = 'account' and w.account = any (s.said_values))
             or (s.kind = 'destination' and w.address = any (s.said_values))
             or (s.kind = 'asset' and w.asset = any (s.said_values))
             or (s.kind = 'wallet' and payer.wallet_id = any (s.said_values)))
      limit ${MOST_COUNTED}) matching) counted
  where is_standing order by suspended_at desc, id limit $1`;

const COUNTED_BACK_MS = 90 * 24 * 60 * 60 * 1_000;

export async function listSuspensions(
  database: Queryable,
  limit: number,
  nowMs: number,
): Promise<readonly ListedSuspension[]> {
  const { rows } = await database.query<ListedSuspension>(STANDING, [limit, new Date(nowMs - COUNTED_BACK_MS)]);
  return rows;
}

export function suspensionList(suspensions: readonly ListedSuspension[]): Html {
  if (suspensions.length === 0) return html`<p class="good">Nothing is suspended.</p>`;
  return html`<ul>${suspensions.map(suspensionItem)}</ul>`;
}

function suspensionItem({ id, kind, value, reason, suspendedBy, suspendedAt, waiting }: ListedSuspension): Html {
  const what = kind === "all" ? html`Everything` : html`The ${kind} <code>${value}</code>`;
  const count =
    waiting === 1 ? "1 withdrawal waits" : `${waiting === MOST_COUNTED ? "Over " : ""}${waiting} withdrawals wait`;
  return html`<li class="bad">${what} is suspended since ${suspendedAt.toISOString()}, by ${suspendedBy}: ${reason}.
    ${count} for it. <code>sluice reopen ${id}</code></li>`;
}
