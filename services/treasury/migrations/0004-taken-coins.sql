-- Coins of ours that a stranger's transaction in a block has spent, as the gateway last said: the chain has them no more, while the
-- ledger, which books only what we did, still does. So the drift shows what was taken.
create table taken_coin (
  outpoint text primary key,
  txid text not null,
  taken boolean not null,
  revision bigint not null
);
