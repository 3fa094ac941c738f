-- Which wallet a transaction pays from, as vault planned it.
create table payer (
  transaction_id text primary key,
  wallet_id text not null
);
