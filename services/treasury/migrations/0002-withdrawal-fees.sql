-- The kinds of transfers are rows, so that a new one is an insert.
create table transfer_kind (kind text primary key);
insert into transfer_kind values
  ('deposited'), ('payout-pending'), ('payout-posted'), ('payout-voided'), ('network-fee'), ('withdrawal-fee');
alter table ledger_transfer drop constraint ledger_transfer_kind_check;
alter table ledger_transfer add foreign key (kind) references transfer_kind;

-- What the customer was quoted for a withdrawal; 0 while nothing is known of a quote, or when the exchange pays.
create table withdrawal_charge (
  withdrawal_id text primary key,
  fee_minor numeric(78, 0) not null check (fee_minor >= 0)
);
