-- By which key's signature it was requested, for limits of that key. Empty for what was ordered before this was kept: it counts for none.
alter table payment add column requester_key text not null default '';
create index on payment (requester_key, at_ms);
