-- Allow-lists: the accounts that have one in force, and where money may go.

-- No row: the account's money may go anywhere that the other rules let it.
create table allow_list (
  account text primary key,
  -- Null: until somebody switches it off. A time: it was switched off, and is in force until then.
  enforced_until_ms bigint,
  changed_by text not null,
  changed_at_ms bigint not null
);

-- What was removed stays, as what happened.
create table allowed_destination (
  id bigint generated always as identity primary key,
  -- Null: every account may use it.
  account text,
  script_pubkey bytea not null,
  address text not null,
  label text not null,
  added_by text not null,
  added_at_ms bigint not null,
  active_from_ms bigint not null,
  removed_by text,
  removed_at_ms bigint
);

create unique index allowed_destination_once on allowed_destination (script_pubkey, account) nulls not distinct
  where removed_at_ms is null;
create index allowed_destination_by_account on allowed_destination (account, id desc) where removed_at_ms is null;
