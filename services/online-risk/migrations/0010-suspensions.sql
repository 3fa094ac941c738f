-- What people have stopped, and who has said that it may go on.

create table suspension (
  -- Random: vault knows it for ever, and a number would come again after this database was set back.
  id uuid primary key default gen_random_uuid(),
  kind text not null check (kind in ('account', 'destination', 'asset', 'wallet', 'all')),
  -- What is compared: an account, a scriptPubKey in hexadecimal, an asset, a wallet's id; empty for all.
  value text not null,
  -- As it was given.
  shown text not null,
  reason text not null,
  suspended_by text not null,
  suspended_at_ms bigint not null,
  reopened_at_ms bigint
);

create unique index suspension_standing on suspension (kind, value) where reopened_at_ms is null;

create table suspension_word (
  suspension_id uuid not null references suspension (id),
  key_id text not null,
  said_at_ms bigint not null,
  answers jsonb not null,
  primary key (suspension_id, key_id)
);
