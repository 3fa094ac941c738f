-- What vault owns: cleared withdrawals, the wallets' coins, and the tasks that join them. Rules that must hold in every case are constraints here.

create table withdrawal (
  id text primary key,
  -- The sealed envelope exactly as it came: it travels on to the semi-offline zone.
  clearance bytea not null,
  account text not null,
  address text not null,
  amount_sat bigint not null check (amount_sat > 0),
  state text not null default 'cleared' check (state in ('cleared', 'planned', 'refused', 'signed', 'confirmed')),
  -- How often it was planned; the newest attempt has this number.
  attempt integer not null default 0 check (attempt >= 0),
  wallet_id text,
  -- The outpoint (txid:vout) that every further transaction for it has to spend, once a signature may exist.
  anchor text,
  -- Once it was refused together with others, and none of them was named, it is planned alone: the others may be to blame, or it.
  alone boolean not null default false,
  -- Why it waits, as the planner or a refusal said last; null when nothing was said.
  waiting_code text,
  received_at timestamptz not null default now(),
  plan_after timestamptz not null default now()
);

create index withdrawal_cleared on withdrawal (received_at, id) where state = 'cleared';

create table coin (
  -- txid:vout
  outpoint text primary key,
  wallet_id text not null,
  amount_sat bigint not null check (amount_sat > 0),
  branch integer not null check (branch in (0, 1)),
  path_index integer not null check (path_index >= 0),
  previous_transaction bytea not null,
  height integer not null,
  -- Spent means by a confirmed transaction of our own. A coin that is spent never becomes unspent, whatever is observed again.
  state text not null default 'unspent' check (state in ('unspent', 'spent')),
  spent_by text,
  check ((state = 'spent') = (spent_by is not null))
);

create index coin_unspent on coin (wallet_id, amount_sat desc, outpoint) where state = 'unspent';

create table task (
  id text primary key,
  wallet_id text not null,
  transaction_id text not null,
  psbt bytea not null,
  fee_sat bigint not null check (fee_sat >= 0),
  -- 0 when there is no change output.
  change_sat bigint not null check (change_sat >= 0),
  state text not null default 'planned'
    check (state in ('planned', 'submitted', 'delayed', 'refused', 'stuck_for_person', 'signed', 'confirmed')),
  -- Why it was refused or waits for a person.
  code text,
  detail text,
  planned_at timestamptz not null default now(),
  -- When the semi-offline zone first had it on its own disk.
  started_at timestamptz,
  delayed_until timestamptz,
  sent_at timestamptz,
  sends integer not null default 0,
  send_after timestamptz not null default now(),
  -- The newest verdict of the semi-offline zone, sealed.
  report bytea,
  -- The signed transaction, ready for the network.
  transaction bytea
);

-- The same bytes can be planned again only after they were refused.
create unique index task_of_transaction on task (transaction_id) where state <> 'refused';
create index task_without_verdict on task (send_after) where state in ('planned', 'submitted', 'delayed');

create table task_withdrawal (
  task_id text not null references task,
  withdrawal_id text not null references withdrawal,
  attempt integer not null check (attempt >= 1),
  -- Its place among the payments.
  position integer not null check (position >= 0),
  -- False once the task was refused; true for ever when it was signed, so that it is never planned again.
  live boolean not null default true,
  primary key (task_id, withdrawal_id),
  unique (withdrawal_id, attempt)
);

create unique index withdrawal_in_one_live_task on task_withdrawal (withdrawal_id) where live;

-- One task for each coin: the key is what keeps two tasks apart, whoever plans them.
create table reservation (
  outpoint text primary key references coin,
  task_id text not null references task,
  -- Its place among the inputs; the first may become the anchor.
  position integer not null check (position >= 0),
  unique (task_id, position)
);

create table wallet_index (
  wallet_id text primary key,
  next_change_index integer not null default 0 check (next_change_index >= 0)
);

-- Messages from the bridge that could not take effect, kept for a person.
create table parked_report (
  id bigint generated always as identity primary key,
  envelope_sha256 bytea not null unique,
  envelope bytea not null,
  task_id text,
  code text not null,
  detail text not null,
  arrivals integer not null default 1,
  parked_at timestamptz not null default now()
);
