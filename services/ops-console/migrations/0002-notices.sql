-- The newest of what gateway and vault say of fees, stuck or conflicting transactions, vanished coins and refills.
create table notice (
  type text not null,
  key text not null,
  occurred_at timestamptz not null,
  body jsonb not null,
  primary key (type, key)
);
