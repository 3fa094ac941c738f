-- What online-risk said of each withdrawal, step by step. A copy for looking at: nothing is decided from it.
create table withdrawal_change (
  withdrawal_id text not null,
  revision integer not null,
  account text not null,
  asset text not null,
  amount_minor text not null,
  address text not null,
  state text not null,
  detail text not null,
  transaction_id text not null,
  confirmations integer not null,
  findings jsonb not null,
  changed_at timestamptz not null,
  primary key (withdrawal_id, revision)
);
create index on withdrawal_change (changed_at desc);

-- The newest of each, whatever order the changes came in. In this form the newest hundred are found without reading all.
create view withdrawal as
  select * from withdrawal_change as change
  where not exists (
    select from withdrawal_change as newer
    where newer.withdrawal_id = change.withdrawal_id and newer.revision > change.revision
  );

-- The newest that the semi-offline zone said of itself; one row.
create table zone_report (
  only_one boolean primary key default true check (only_one),
  occurred_at timestamptz not null,
  report jsonb not null
);
