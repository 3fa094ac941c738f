-- A signature task as vault sent it, kept before it is accepted, and how far it is.
create table task (
  id text primary key,
  wallet_id text not null,
  envelope bytea not null,
  content_sha256 bytea not null,
  -- received: not judged yet. delayed: judged, not before due_at. ordered: holders may sign. signed, refused: reported.
  state text not null check (state in ('received', 'delayed', 'ordered', 'signed', 'refused')),
  due_at_ms bigint not null default 0,
  txid text not null default '',
  -- Whether the report of holders being away is out, so that it is said once.
  holders_missed boolean not null default false,
  received_at timestamptz not null default now()
);
create index on task (state) where state in ('received', 'delayed', 'ordered');

-- What was ever ordered to be signed for a withdrawal. One row for each, for ever: this is what paid once rests on.
create table payment (
  withdrawal_id text primary key,
  -- The outpoint that every transaction ever signed for it spends.
  anchor text not null,
  task_id text not null references task (id),
  txid text not null,
  account text not null,
  script bytea not null,
  amount_sat bigint not null,
  at_ms bigint not null
);
create index on payment (account, at_ms);
create index on payment (script, at_ms);

-- Every task that was ordered for a withdrawal and not given up before anybody can have signed.
create table payment_attempt (
  withdrawal_id text not null references payment (withdrawal_id),
  task_id text not null references task (id),
  primary key (withdrawal_id, task_id)
);
create index on payment_attempt (task_id);

-- The outpoints that those tasks spend. Two of them share one only when they pay a withdrawal in common.
create table task_input (
  outpoint text not null,
  task_id text not null references task (id),
  primary key (outpoint, task_id)
);
create index on task_input (task_id);

-- What every ordered transaction takes out of its wallet: payments and fee.
create table outflow (
  txid text primary key,
  wallet_id text not null,
  amount_sat bigint not null,
  at_ms bigint not null
);
create index on outflow (wallet_id, at_ms);
create index on outflow (at_ms);

-- An order that may have reached its holder, and what the holder answered.
create table holder_order (
  task_id text not null references task (id),
  holder text not null,
  sent_at_ms bigint not null,
  -- null while unanswered; invalid: signatures that do not verify, so that valid ones may exist.
  answer text check (answer in ('signatures', 'invalid', 'refusal')),
  envelope bytea,
  refusal_code text,
  refusal_reason text,
  primary key (task_id, holder),
  check ((answer is null) = (envelope is null))
);

-- Sealed reports in their order. They are sent until vault has them.
create table report (
  number bigint primary key,
  task_id text not null references task (id),
  envelope bytea not null,
  accepted_at timestamptz
);
create index on report (number) where accepted_at is null;

create table report_counter (
  only_one boolean primary key default true check (only_one),
  last_number bigint not null
);
insert into report_counter (last_number) values (0);
