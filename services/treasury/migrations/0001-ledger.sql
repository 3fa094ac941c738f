-- Double entry. Debits are positive, credits negative; every transfer sums to zero per asset. Nothing is ever changed.
create table ledger_transfer (
  id text primary key,
  kind text not null check (kind in ('deposited', 'payout-pending', 'payout-posted', 'payout-voided', 'network-fee')),
  booked_at timestamptz not null default now()
);

create table ledger_entry (
  transfer_id text not null references ledger_transfer (id),
  position smallint not null,
  account text not null check (account <> ''),
  asset text not null check (asset <> ''),
  amount_minor numeric(78, 0) not null check (amount_minor <> 0),
  primary key (transfer_id, position)
);
create index on ledger_entry (account, asset);

create function refuse_unbalanced() returns trigger language plpgsql as $$
declare
  -- Both tables use this function, and a record's field is resolved before its branch is chosen.
  transfer text := coalesce(to_jsonb(new) ->> 'transfer_id', to_jsonb(new) ->> 'id');
begin
  if (select count(*) from ledger_entry where transfer_id = transfer) < 2 or exists (
    select from ledger_entry where transfer_id = transfer group by asset having sum(amount_minor) <> 0
  ) then
    raise exception 'transfer % does not sum to zero', transfer using errcode = 'check_violation';
  end if;
  return null;
end $$;

-- Asked at the commit, when all entries are there.
create constraint trigger balanced after insert on ledger_entry
  deferrable initially deferred for each row execute function refuse_unbalanced();
create constraint trigger balanced after insert on ledger_transfer
  deferrable initially deferred for each row execute function refuse_unbalanced();

create function refuse_change() returns trigger language plpgsql as $$
begin
  raise exception 'the ledger is append-only' using errcode = 'insufficient_privilege';
end $$;

create trigger append_only before update or delete or truncate on ledger_transfer
  for each statement execute function refuse_change();
create trigger append_only before update or delete or truncate on ledger_entry
  for each statement execute function refuse_change();

-- A transaction as vault released it and as the chain confirmed it, whichever is heard of first.
create table payout_transaction (
  txid text primary key,
  fee_minor numeric(78, 0),
  signed_at timestamptz,
  block_hash text,
  confirmed_at timestamptz
);

-- How each payout stands in the books; one per withdrawal, ever.
create table payout (
  withdrawal_id text primary key,
  account text not null,
  asset text not null,
  amount_minor numeric(78, 0) not null,
  standing text not null check (standing in ('pending', 'posted', 'voided')),
  -- The confirmed transaction that paid it.
  posted_by text references payout_transaction (txid),
  check ((standing = 'posted') = (posted_by is not null))
);

-- Which transactions would pay it: more than one where one replaced the other, of which only one can confirm.
create table payout_in_transaction (
  txid text not null references payout_transaction (txid),
  withdrawal_id text not null references payout (withdrawal_id),
  primary key (txid, withdrawal_id)
);
create index on payout_in_transaction (withdrawal_id);

-- What the chain says the wallets were paid, and which of it our confirmed transactions spent.
create table chain_coin (
  outpoint text primary key,
  wallet_id text not null,
  branch smallint not null,
  amount_sat bigint not null
);
create table spent_coin (
  outpoint text not null,
  txid text not null references payout_transaction (txid),
  primary key (outpoint, txid)
);
