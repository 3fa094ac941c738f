-- What can prove that a withdrawal will never be paid. The semi-offline zone names each withdrawal's anchor, once and for ever.
create table anchor (
  withdrawal_id text primary key,
  anchor text not null
);

-- Every transaction that was signed for a withdrawal, by the zone's word and by vault's.
create table own_transaction (
  withdrawal_id text not null,
  transaction_id text not null,
  primary key (withdrawal_id, transaction_id)
);

-- The gateway's newest word about what stands in the way of one of ours, as it sealed it.
create table conflict (
  transaction_id text primary key,
  revision bigint not null,
  spent jsonb not null,
  envelope bytea not null
);

-- Who has said that a withdrawal failed, why, and what each of them signed.
create table failure_word (
  withdrawal_id text not null references withdrawal (id),
  key_id text not null,
  conflicting_transaction_id text not null,
  reason text not null,
  said_at_ms bigint not null,
  request jsonb not null,
  primary key (withdrawal_id, key_id)
);
