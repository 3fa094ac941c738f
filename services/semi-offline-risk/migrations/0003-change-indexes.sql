-- Which of the wallet's change addresses an ordered transaction pays: a later one may go a gap limit further, and no more.
alter table outflow add column change_index integer check (change_index >= 0);

create index on outflow (wallet_id, change_index);
