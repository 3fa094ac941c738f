// The past that verdicts are given on: a million withdrawals of a hundred thousand accounts over thirty days, a few of them very busy.
// Made in the server from each row's number alone, so that two runs have the same past.
import type { Pool } from "@sluice/postgres";

export const ACCOUNTS = 100_000;
const DAY_MS = 86_400_000;
/** Account 0 has a tenth of all, the next nine a hundredth each; the others share the rest evenly. */
const ACCOUNT = `case when n % 10 = 0 then 0 when n % 10 = 1 then 1 + (n / 10) % 9 else (n * 7919) % ${ACCOUNTS} end`;
/** Each account pays to four destinations. */
const SCRIPT = `decode('0014' || lpad(to_hex(account), 20, '0') || lpad(to_hex(account * 31 + n % 4), 20, '0'), 'hex')`;

/** Ends at `nowMs`. The bytes of the requests are short: nothing that judges reads them. */
export async function seed(pool: Pool, history: number, nowMs: number): Promise<void> {
  await pool.query(
    `create unlogged table past as
    select n, account, 'past-' || n as id, ${SCRIPT} as script, 10000 + (n * 104729) % 900000 as amount,
      $1::bigint - (n * 7907 % ${history})::bigint * ${30 * DAY_MS} / ${history} as at_ms
    from (select n::bigint as n, (${ACCOUNT})::bigint as account from generate_series(0::bigint, ${history} - 1) as n) as numbered`,
    [nowMs],
  );
  for (const sql of TABLES) await pool.query(sql);
  await pool.query("drop table past");
  await pool.query("vacuum analyze");
}

const NAME = "'account-' || account";

const TABLES: readonly string[] = [
  `insert into withdrawal_request (withdrawal_id, key_id, nonce, method, authority, path, query, content_type, content_digest,
     signature_input, signature, body, body_sha256, received_at_ms)
   select id, 'backend', id, 'POST', 'a', '/v1/withdrawals', '', 'application/json', '', '', '', '', '', at_ms from past`,
  `insert into withdrawal (id, account, asset, amount_minor, address, script_pubkey, key_id, state, detail, revision, received_at_ms,
     changed_at_ms, cleared_at_ms, attempt, chain_revision, confirmations, required_confirmations)
   select id, ${NAME}, 'BTC', amount, 'bcrt1past', script, 'backend', 'completed', 'completed', 8, at_ms, at_ms + 3600000, at_ms + 50, 1, 3, 6, 6
   from past order by at_ms`,
  `insert into destination (account, script_pubkey, address, ends, first_seen_at_ms)
   select ${NAME}, script, 'bcrt1past', left(encode(script, 'hex'), 8) || account, min(at_ms) from past group by account, script`,
  `insert into withdrawal_session (withdrawal_id, device, ip) select id, 'device-' || account, '10.' || account / 62500 || '.' || account / 250 % 250 || '.' || account % 250 from past`,
  `insert into withdrawal_change (withdrawal_id, revision, state, at_ms, detail) select id, 8, 'completed', at_ms + 3600000, 'completed' from past`,
  `insert into finding (withdrawal_id, found_by, rule, verdict, reason, evidence, at_ms)
   select id, 'online-risk', rule, 'clear', 'The account stays within every window of time.', '{"windows": "2"}', at_ms
   from past, unnest(array['AMOUNT_MAX', 'ACCOUNT_VELOCITY']) as rule`,
  `insert into cleared_minute (asset, minute_ms, count, amount_minor)
   select 'BTC', (at_ms + 50) - (at_ms + 50) % 60000, count(*), sum(amount) from past group by 2`,
  `insert into signal (account, id, at_ms, type, device, ip, content, received_at_ms)
   select ${NAME}, 'login-' || number, (select max(at_ms) from past) - number * ${DAY_MS} - account, 'login', 'device-' || account,
     '10.' || account / 62500 || '.' || account / 250 % 250 || '.' || account % 250,
     jsonb_build_object('device', 'device-' || account, 'ip', '10.' || account / 62500 || '.' || account / 250 % 250 || '.' || account % 250, 'country', 'DE', 'succeeded', true), 1
   from generate_series(0::bigint, ${ACCOUNTS} - 1) as account, generate_series(1, 3) as number`,
];
