-- How far this database has come. The same number is published every few seconds, so that an older copy shows when it is put in its place.
create table high_water (
  only_one boolean primary key default true check (only_one),
  mark bigint not null default 0,
  marked_at timestamptz not null default now(),
  -- An operator has said to go on from an older copy, and what was lost is not all back yet.
  recovering_to bigint
);
insert into high_water default values;
