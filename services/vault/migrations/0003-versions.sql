-- A payout may have several versions: tasks that pay the same withdrawals from the same anchor, of which at most one confirms.
-- They share their reservations. That no coin is in transactions of two payouts is a key, not a query.

alter table task
  -- The first version's id; its own for that one.
  add column payout_id text,
  add column replaces text references task,
  -- 'internal': it pays nobody, and goes to the wallet's own change branch.
  add column purpose text not null default '' check (purpose in ('', 'internal')),
  -- Why an internal transfer is made.
  add column reason text check ((purpose = 'internal') = (reason is not null)),
  drop constraint task_state_check,
  -- superseded: another version is final, or was found to be.
  add constraint task_state_check check (state in
    ('planned', 'submitted', 'delayed', 'refused', 'stuck_for_person', 'signed', 'confirmed', 'superseded'));
update task set payout_id = id;
alter table task
  alter column payout_id set not null,
  add unique (id, payout_id),
  add unique (id, replaces),
  add foreign key (replaces, payout_id) references task (id, payout_id),
  add check ((replaces is null) = (payout_id = id));
create index task_of_payout on task (payout_id);

-- A replacement pays what the replaced one paid; without one, a withdrawal is in one task that was not refused.
alter table task_withdrawal
  add column replaces text,
  add foreign key (task_id, replaces) references task (id, replaces),
  add foreign key (replaces, withdrawal_id) references task_withdrawal (task_id, withdrawal_id);
drop index withdrawal_in_one_live_task;
create unique index withdrawal_in_one_live_payout on task_withdrawal (withdrawal_id) where live and replaces is null;

-- What each version spends. While `payout_id` is there the coin is held for it, and the last key demands that it is reserved
-- for that payout and therefore for no other; afterwards the row only tells what the version spent.
create table task_input (
  task_id text not null references task,
  outpoint text not null,
  -- Its place among the inputs; the first may become the anchor.
  position integer not null check (position >= 0),
  payout_id text,
  primary key (task_id, outpoint),
  unique (task_id, position),
  foreign key (task_id, payout_id) references task (id, payout_id)
);
create index task_input_of_coin on task_input (outpoint);
insert into task_input (task_id, outpoint, position, payout_id) select task_id, outpoint, position, task_id from reservation;
insert into task_input (task_id, outpoint, position)
  select task.id, outpoint, row_number() over (partition by task.id order by spent_position, outpoint) - 1
  from coin join task on task.transaction_id = spent_by and task.state = 'confirmed';
alter table coin drop column spent_position;

alter table reservation drop column position;
alter table reservation rename column task_id to payout_id;
alter table reservation add unique (outpoint, payout_id);
alter table task_input add foreign key (outpoint, payout_id) references reservation (outpoint, payout_id);

alter table coin
  -- A transaction that can confirm no more was signed with it for this payout, so the semi-offline zone gives it to no other.
  add column tied_to text references task;

-- A payout whose newest transaction does not get into a block, and what was done about it.
create table bump (
  payout_id text primary key references task,
  -- Of the version that is stuck.
  transaction_id text not null,
  stuck_code text not null,
  wanted_sat_per_kvbyte bigint not null,
  replacement_fee_sat bigint not null,
  descendants integer not null,
  revision bigint not null,
  -- False once this word of the gateway was answered.
  due boolean not null default true,
  bumps integer not null default 0 check (bumps >= 0),
  next_at timestamptz not null default now(),
  -- The replacement or child that was planned last.
  task_id text references task,
  -- What came of it last: REPLACED, CHILD, or why nothing was done.
  code text,
  detail text
);

-- Somebody else spent a coin of this wallet: nothing is planned for it until a person has looked.
create table stopped_lane (
  wallet_id text primary key,
  -- The foreign transaction, which the person has to name.
  transaction_id text not null,
  outpoint text not null,
  our_transaction_id text not null,
  stopped_at timestamptz not null default now()
);
