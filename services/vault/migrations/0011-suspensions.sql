-- What people have stopped: it is not planned, and what is planned and not sent yet is not sent.

create table suspension (
  id text primary key,
  kind text not null check (kind in ('account', 'destination', 'asset', 'wallet', 'all')),
  -- As they stand in withdrawals.
  said_values text[] not null,
  -- Once false for ever: each suspension is reopened once, whatever order its messages come in.
  is_standing boolean not null
);

create function is_suspended(account text, address text) returns boolean language sql stable as $$
  select exists (
    select from suspension s where s.is_standing and (
      s.kind = 'all' or s.kind = 'asset' and 'BTC' = any (s.said_values)
      or s.kind = 'account' and $1 = any (s.said_values) or s.kind = 'destination' and $2 = any (s.said_values)))
$$;

create function is_wallet_suspended(wallet text) returns boolean language sql stable as $$
  select exists (select from suspension s where s.is_standing and s.kind = 'wallet' and $1 = any (s.said_values))
$$;
