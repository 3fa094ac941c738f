-- What each endpoint is to be told, how often it was tried, and how each endpoint is.

create table endpoint (
  name text primary key,
  -- Nothing older than this is told by itself.
  first_seen_at timestamptz not null default now(),
  -- Sequence numbers count within a series; a new one begins when this database was set back and they are not known any more.
  series timestamptz not null default date_trunc('milliseconds', now()),
  last_sequence bigint not null default 0,
  state text not null default 'healthy' check (state in ('healthy', 'failing', 'disabled')),
  -- In a row, up to now.
  failures integer not null default 0,
  -- Of the first of these.
  failing_since timestamptz,
  last_success_at timestamptz,
  disabled_at timestamptz,
  disabled_because text check (disabled_because in ('FAILING_TOO_LONG', 'GONE', 'BY_PERSON')),
  -- While it is not healthy: when one delivery is tried again, to see. Infinity: a person has to say so.
  probe_at timestamptz not null default now()
);

create table delivery (
  id bigint generated always as identity primary key,
  endpoint text not null references endpoint (name),
  series timestamptz not null,
  sequence bigint not null,
  -- Stays the same however often it is sent.
  webhook_id text not null,
  withdrawal_id text not null,
  revision integer not null,
  type text not null,
  -- The bytes that are sent and signed, each time the same.
  body bytea not null,
  state text not null default 'waiting' check (state in ('waiting', 'delivered', 'exhausted')),
  created_at timestamptz not null default now(),
  delivered_at timestamptz,
  attempts integer not null default 0,
  -- Since it was first to be sent, or a person had it sent again.
  tries integer not null default 0,
  first_try_at timestamptz,
  try_at timestamptz not null default now(),
  -- The attempt that is on its way, and when it is certainly over.
  attempt_id bigint,
  claimed_until timestamptz,
  unique (endpoint, withdrawal_id, revision),
  unique (endpoint, webhook_id),
  unique (endpoint, series, sequence)
);

create index delivery_in_order on delivery (endpoint, series, sequence) where state = 'waiting';
create index delivery_due on delivery (endpoint, try_at) where state = 'waiting';
create index delivery_of_withdrawal on delivery (withdrawal_id, endpoint, revision);
create index delivery_done on delivery (delivered_at) where state = 'delivered';

-- Every attempt, written before it is made: what a crash leaves open is known to have been on its way.
create table attempt (
  id bigint generated always as identity primary key,
  delivery_id bigint not null references delivery (id) on delete cascade,
  number integer not null,
  started_at timestamptz not null default now(),
  -- Null while it is on its way.
  code text,
  status integer,
  duration_ms integer,
  -- The beginning of the answer, or what was wrong instead of one.
  answer text,
  unique (delivery_id, number)
);
