-- What nodes say a block asks for, as the gateway told it last. One row.
create table fee_estimate (
  only_one boolean primary key default true check (only_one),
  estimates jsonb not null,
  minimum_sat_per_kvbyte bigint not null,
  estimated_at_ms bigint not null
);

-- What a withdrawal was quoted when it was received. The quote never changes afterwards.
alter table withdrawal
  add column priority text not null default 'normal' check (priority in ('fast', 'normal', 'economy')),
  add column fee_payer text not null default 'exchange' check (fee_payer in ('exchange', 'customer')),
  add column fee_minor numeric(78, 0) not null default 0 check (fee_minor >= 0);
