-- Foreign transactions that a person has seen and let a lane go on after. The gateway tells of them again, as they get deeper.
create table seen_conflict (
  wallet_id text not null,
  transaction_id text not null,
  seen_at timestamptz not null default now(),
  primary key (wallet_id, transaction_id)
);
