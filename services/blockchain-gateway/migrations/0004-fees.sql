-- What was last said of fees, so that it is said again when it changed and once a minute, however many instances run.
create table fee_said (
  asset text primary key,
  estimate text not null,
  said_at timestamptz not null default clock_timestamp()
);
