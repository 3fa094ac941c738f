-- What the exchange's backend tells of its accounts, and what is counted over more than one account.

-- The state is the set of these: each is stored once for its account and id, whatever order they come in.
create table signal (
  account text not null,
  id text not null,
  at_ms bigint not null,
  type text not null check (type in ('login', 'credential', 'deposit', 'profit', 'balance')),
  -- Of a log-in.
  device text,
  ip text,
  content jsonb not null,
  received_at_ms bigint not null,
  primary key (account, id)
);

create index signal_by_account on signal (account, type, at_ms desc, id desc);
create index signal_by_device on signal (device, at_ms desc) where device is not null;

create trigger append_only before update or delete or truncate on signal
  for each statement execute function refuse_change();

-- From where a withdrawal was asked for, as far as it was known when it was judged: the account's newest log-in then.
create table withdrawal_session (
  withdrawal_id text primary key references withdrawal (id),
  device text not null,
  ip text not null
);

create index withdrawal_session_by_device on withdrawal_session (device);
create index withdrawal_session_by_ip on withdrawal_session (ip);

create index withdrawal_by_destination on withdrawal (script_pubkey, cleared_at_ms) where cleared_at_ms is not null;
create index withdrawal_by_account_cleared on withdrawal (account, cleared_at_ms) where cleared_at_ms is not null;
create index destination_by_script on destination (script_pubkey, first_seen_at_ms);

-- What was cleared of all accounts, by the minute: a window over a whole asset would otherwise read every withdrawal in it.
create table cleared_minute (
  asset text not null,
  minute_ms bigint not null,
  count integer not null,
  amount_minor numeric(78, 0) not null,
  primary key (asset, minute_ms)
);

insert into cleared_minute (asset, minute_ms, count, amount_minor)
  select asset, cleared_at_ms - cleared_at_ms % 60000, count(*), sum(amount_minor) from withdrawal
  where cleared_at_ms is not null group by 1, 2;

create function count_cleared() returns trigger language plpgsql as $$
begin
  insert into cleared_minute as m (asset, minute_ms, count, amount_minor)
    values (new.asset, new.cleared_at_ms - new.cleared_at_ms % 60000, 1, new.amount_minor)
    on conflict (asset, minute_ms) do update set count = m.count + 1, amount_minor = m.amount_minor + excluded.amount_minor;
  return null;
end $$;

create trigger count_cleared after update of cleared_at_ms on withdrawal
  for each row when (old.cleared_at_ms is null and new.cleared_at_ms is not null) execute function count_cleared();
