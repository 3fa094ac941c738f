-- Which of the semi-offline zone's numbered reports arrived. They cross through vault, which must not swallow one unnoticed.
create table report_number (
  number bigint primary key check (number > 0),
  envelope_sha256 bytea not null,
  arrived_at_ms bigint not null
);

-- One row: how far the numbers are known to go and when the zone gave the highest, by its own clock; and when it last
-- spoke, by this side's clock and by its own.
create table report_watch (
  only_one boolean primary key default true check (only_one),
  highest_number bigint not null,
  highest_told_at_ms bigint not null default 0,
  zone_heard_at_ms bigint not null,
  zone_told_at_ms bigint not null
);
insert into report_watch (highest_number, zone_heard_at_ms, zone_told_at_ms)
select 0, now_ms, now_ms from (select (extract(epoch from now()) * 1000)::bigint as now_ms);

-- What is wrong with them. A missing number leaves when it arrives; the others when a person has looked.
create table report_alarm (
  code text not null check (code in ('REPORTS_MISSING', 'REPORT_NUMBER_REUSED', 'REPORTS_ROLLED_BACK')),
  number bigint not null,
  since_ms bigint not null,
  acknowledged_at_ms bigint,
  primary key (code, number)
);
create index report_alarm_open on report_alarm (number) where acknowledged_at_ms is null;
