-- What was told last of a wallet that is short of funds; missing_sat is 0 when it was told that nothing is missing any more.
create table refill (
  wallet_id text primary key,
  missing_sat bigint not null check (missing_sat >= 0),
  waiting_withdrawals integer not null check (waiting_withdrawals >= 0),
  -- Of the receiving address that was named.
  path_index integer not null check (path_index >= 0),
  address text not null,
  -- Counts the wallet's requests from 1.
  revision integer not null check (revision >= 1),
  told_at timestamptz not null
);
