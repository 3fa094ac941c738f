-- The best chain as far as it was read. A block that leaves it is deleted here and its transactions go back.
create table block (
  height integer primary key,
  hash text not null unique,
  read_at timestamptz not null default now()
);

-- Signed transactions as they go to the chain. The bytes are here before any node has seen them.
create table chain_transaction (
  txid text primary key,
  transaction bytea not null,
  withdrawals jsonb not null,
  -- signed: no node is known to have it. broadcast: a node has it. included: in a block. confirmed: deep enough.
  state text not null check (state in ('signed', 'broadcast', 'included', 'confirmed')),
  -- A block cannot be forgotten while a transaction still counts on it.
  block_hash text references block (hash),
  block_height integer,
  confirmations integer not null default 0,
  sends integer not null default 0,
  sent_at timestamptz,
  last_error text,
  received_at timestamptz not null default now(),
  check ((state in ('included', 'confirmed')) = (block_hash is not null)),
  check ((block_hash is null) = (block_height is null))
);
create index on chain_transaction (state) where state <> 'confirmed';
create index on chain_transaction (block_hash);
create index on chain_transaction (received_at);

-- Numbers every observation of the chain; a higher one is newer news, whatever it is about. It never falls behind the clock.
create sequence chain_revision;

-- The highest script of a wallet that was ever paid: reading looks a gap limit beyond it (BIP44).
create table wallet_use (
  wallet_id text not null,
  branch smallint not null check (branch in (0, 1)),
  highest_index integer not null,
  primary key (wallet_id, branch)
);
