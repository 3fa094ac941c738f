-- The broker's word that it has a message is no evidence. Only its readers' sealed receipts end its sending.

-- Which readers have not confirmed yet. What was appended before this migration waits for nobody.
alter table outbox add column awaits text[] not null default '{}';
alter table outbox add column sent_count integer not null default 0;
alter table outbox add column send_again_at timestamptz;

-- What may have to be sent again, the least often sent first, so that none that nobody can take holds up the others.
create index outbox_unconfirmed on outbox (topic, sent_count, id) where awaits <> '{}';
-- How a receipt finds the rows that it names.
create index outbox_awaiting on outbox (topic, message_id) where awaits <> '{}';

-- When each reader's last receipt came: to one that is silent little is sent again.
create table receipt_heard (
  consumer text primary key,
  heard_at timestamptz not null
);
