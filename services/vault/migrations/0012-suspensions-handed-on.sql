-- The newest word about a suspension as online-risk sealed it, and whether the semi-offline zone has it. Null: from before this.
alter table suspension add column envelope bytea, add column handed_on boolean not null default false;
create index on suspension (id) where not handed_on;
