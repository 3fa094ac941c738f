-- What an internal transfer takes out of its wallet is its fee alone; its own windows are counted from these rows.
alter table outflow add column internal boolean not null default false;
