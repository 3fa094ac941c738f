-- What people have suspended: of what matches, no signing begins.
create table suspension (
  id text primary key,
  kind text not null check (kind in ('account', 'destination', 'asset', 'wallet', 'all')),
  -- Accounts, scriptPubKeys in lower-case hexadecimal, assets or wallets.
  compared_values text[] not null,
  reason text not null,
  -- Once false for ever: each suspension is reopened once, whatever order its words come in.
  is_standing boolean not null,
  -- The newest word about it, as online-risk sealed it.
  envelope bytea not null,
  noted_at timestamptz not null default now()
);
create index on suspension (noted_at) where is_standing;
