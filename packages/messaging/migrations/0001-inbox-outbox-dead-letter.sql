-- What stands between Kafka, which may deliver twice or never, and state, which changes exactly once.

-- One row for every message that took effect. Never pruned: an old message is still sealed, and whoever keeps it may send it again.
create table inbox (
  producer text not null,
  message_type text not null,
  message_id text not null,
  -- Tells a repeated message from another one under the same id.
  content_sha256 bytea not null,
  received_at timestamptz not null default now(),
  primary key (producer, message_type, message_id)
);

-- Written with the state that it announces, relayed afterwards. Rows stay after they were published, so that a topic can be driven again.
create table outbox (
  id bigint generated always as identity primary key,
  topic text not null,
  key text not null,
  message_id text not null,
  envelope bytea not null,
  created_at timestamptz not null default now(),
  published_at timestamptz
);

create index outbox_unpublished on outbox (id) where published_at is null;
create index outbox_by_topic on outbox (topic, created_at);

-- Messages that could not take effect, with the reason, until a person retries or discards them.
create table dead_letter (
  id bigint generated always as identity primary key,
  consumer_group text not null,
  topic text not null,
  partition integer not null,
  message_offset bigint not null,
  key text,
  envelope bytea not null,
  envelope_sha256 bytea not null,
  code text not null,
  reason text not null,
  attempts integer not null default 1,
  parked_at timestamptz not null default now(),
  attempted_at timestamptz not null default now(),
  resolved_at timestamptz,
  resolution text check (resolution in ('handled', 'duplicate', 'discarded')),
  check ((resolved_at is null) = (resolution is null)),
  -- The same bytes delivered again are the same dead letter. An offset cannot tell: a topic made anew counts from zero.
  unique (topic, envelope_sha256)
);

create index dead_letter_open on dead_letter (id) where resolved_at is null;
