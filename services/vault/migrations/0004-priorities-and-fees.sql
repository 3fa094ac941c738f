-- How urgent a withdrawal is, its deadline, and what nodes estimated.

alter table withdrawal
  add column priority text not null default 'normal' check (priority in ('fast', 'normal', 'economy')),
  -- When it is to be planned at the latest; fixed at its arrival, so that nobody who comes later can push it back for ever.
  add column due_at timestamptz not null default now();

update withdrawal set due_at = received_at;

drop index withdrawal_cleared;
create index withdrawal_cleared on withdrawal (due_at, received_at, id) where state = 'cleared';

-- The newest estimates of nodes; rates are satoshis for 1000 vbytes.
create table fee_estimate (
  estimated_at_ms bigint primary key check (estimated_at_ms >= 0),
  minimum_sat_per_kvbyte bigint not null check (minimum_sat_per_kvbyte >= 0),
  -- [{"targetBlocks": 2, "satPerKvbyte": "1234"}, ...]
  estimates jsonb not null
);

-- What patient transactions paid in each hour of the last weeks: the long-term rate is their median.
create table fee_hour (
  hour timestamptz primary key,
  sat_per_kvbyte bigint not null check (sat_per_kvbyte >= 0)
);
