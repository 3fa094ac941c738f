-- How deep a final transaction lies decides when a coin that only another version of its payout spent may pay others.
alter table task add column block_height integer check (block_height >= 0);
-- Of those that were final before, where they left change. What is not known stays null, and frees nothing.
update task set block_height = (select max(height) from coin where made_by = task.id) where state = 'confirmed';

create index coin_height on coin (height);
create index coin_tied on coin (wallet_id) where tied_to is not null and state = 'unspent';
