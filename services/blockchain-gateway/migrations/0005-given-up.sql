-- All that others have spent of what a transaction spends, as it was told last.
alter table conflict add column spent jsonb not null default '[]';

-- People have said that what it pays has failed: it is not sent again, even when the block that stands against it goes.
alter table chain_transaction add column given_up boolean not null default false;
