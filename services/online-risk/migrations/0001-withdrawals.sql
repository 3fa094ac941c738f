-- Withdrawals as the front door knows them: what was asked and signed, where each stands, and why.

-- The request exactly as it was signed. Written first and in the same transaction as its withdrawal: neither is ever without the other.
create table withdrawal_request (
  withdrawal_id text primary key,
  key_id text not null,
  nonce text not null,
  method text not null,
  authority text not null,
  path text not null,
  query text not null,
  content_type text not null,
  content_digest text not null,
  signature_input text not null,
  signature text not null,
  body bytea not null,
  -- The same body means the same bytes.
  body_sha256 bytea not null,
  received_at_ms bigint not null
);

create table withdrawal (
  id text primary key references withdrawal_request (withdrawal_id),
  -- Rises in order of receipt; pages of the list are cut by it.
  number bigint generated always as identity unique,
  account text not null,
  asset text not null,
  amount_minor numeric(78, 0) not null check (amount_minor > 0),
  address text not null,
  script_pubkey bytea not null,
  key_id text not null,
  state text not null check (state in (
    'received', 'held', 'delayed', 'rejected', 'cleared', 'planned', 'signing', 'signing_delayed', 'refused', 'signed',
    'broadcast', 'confirming', 'completed', 'cancelled', 'failed')),
  detail text not null,
  -- Counts the changes from 1, and is expected by every update.
  revision integer not null check (revision >= 1),
  not_before_ms bigint,
  approvals_required integer not null default 0,
  approved_by text[] not null default '{}',
  attempt integer not null default 0,
  chain_revision bigint not null default 0,
  reorg_revision bigint not null default 0,
  transaction_id text,
  confirmations integer not null default 0,
  required_confirmations integer,
  received_at_ms bigint not null,
  changed_at_ms bigint not null,
  cleared_at_ms bigint
);

create index withdrawal_to_judge on withdrawal (number) where state in ('received', 'delayed');
create index withdrawal_by_state on withdrawal (state, number desc);
create index withdrawal_by_account on withdrawal (account, number desc);
create index withdrawal_velocity on withdrawal (account, asset, cleared_at_ms) where cleared_at_ms is not null;

create table withdrawal_change (
  withdrawal_id text not null references withdrawal (id),
  revision integer not null,
  state text not null,
  at_ms bigint not null,
  detail text not null,
  primary key (withdrawal_id, revision)
);

create table finding (
  id bigint generated always as identity primary key,
  withdrawal_id text not null references withdrawal (id),
  found_by text not null check (found_by in ('online-risk', 'semi-offline-risk')),
  rule text not null,
  verdict text not null,
  reason text not null,
  evidence jsonb not null,
  at_ms bigint not null
);

create index finding_by_withdrawal on finding (withdrawal_id, id);

-- Where an account's money was ever asked to go.
create table destination (
  account text not null,
  script_pubkey bytea not null,
  address text not null,
  -- The ends of the address that people compare by eye.
  ends text not null,
  first_seen_at_ms bigint not null,
  approved_at_ms bigint,
  primary key (account, script_pubkey)
);

create index destination_by_ends on destination (account, ends);

create table request_nonce (
  key_id text not null,
  nonce text not null,
  created_at_ms bigint not null,
  primary key (key_id, nonce)
);

create index request_nonce_age on request_nonce (created_at_ms);

-- What was asked, what happened and why is only ever added to.
create function refuse_change() returns trigger language plpgsql as $$
begin
  raise exception '% is only ever added to', tg_table_name;
end $$;

create trigger append_only before update or delete or truncate on withdrawal_request
  for each statement execute function refuse_change();
create trigger append_only before update or delete or truncate on withdrawal_change
  for each statement execute function refuse_change();
create trigger append_only before update or delete or truncate on finding
  for each statement execute function refuse_change();
