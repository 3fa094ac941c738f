-- What our transactions spend, so that whoever else spends it is noticed. Filled from their bytes.
create table own_input (
  txid text not null references chain_transaction (txid),
  outpoint text not null,
  primary key (txid, outpoint)
);
create index on own_input (outpoint);

-- The wallets' coins in the best chain, spent or not: when their block leaves it, that is told.
create table chain_coin (
  outpoint text primary key,
  txid text not null,
  vout integer not null,
  wallet_id text not null,
  branch smallint not null check (branch in (0, 1)),
  path_index integer not null,
  amount_sat bigint not null,
  block_hash text not null references block (hash)
);
create index on chain_coin (block_hash);

-- Which transaction of the best chain spent a coin of a wallet, or an input of one of ours.
create table spend (
  outpoint text not null,
  txid text not null,
  block_hash text not null references block (hash),
  primary key (outpoint, block_hash)
);
create index on spend (block_hash);

-- What the mempools have in the place of one of ours, as it was when they refused ours.
create table mempool_conflict (
  txid text primary key references chain_transaction (txid),
  outpoint text not null,
  other_txid text not null
);

-- The conflict that was told last of a transaction. While its block hash is there, the transaction is not sent.
create table conflict (
  txid text primary key references chain_transaction (txid),
  outpoint text not null,
  other_txid text not null,
  own boolean not null,
  block_hash text,
  height integer not null,
  confirmations integer not null
);

-- What was told last of a transaction that does not get into a block, and how often.
create table stuck (
  txid text primary key references chain_transaction (txid),
  code text not null,
  wanted_sat_per_kvbyte bigint not null,
  replacement_fee_sat bigint not null,
  descendants integer not null,
  said_at timestamptz not null default now(),
  times integer not null default 1
);

alter table chain_transaction
  -- As vault released it.
  add column fee_sat bigint,
  -- Since when, and since which height, it has been waiting for a block.
  add column pending_since timestamptz not null default now(),
  add column pending_height integer,
  -- How often in a row no node had it when it was to be sent again.
  add column misses integer not null default 0;
