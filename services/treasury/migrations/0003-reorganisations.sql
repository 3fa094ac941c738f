-- What the chain takes back is booked back by a transfer of its own, and booked again when the chain has it again.
insert into transfer_kind values ('reversed');

-- How often what a transfer says was booked and booked back: odd when it stands.
create table transfer_standing (
  id text primary key,
  changes integer not null check (changes >= 0)
);
insert into transfer_standing select id, 1 from ledger_transfer;

-- The newest that the gateway said; what has a lower number is older news.
alter table payout_transaction add column chain_revision bigint not null default 0;
alter table chain_coin
  add column revision bigint not null default 0,
  -- Whether it is in a block of the best chain.
  add column present boolean not null default true;
