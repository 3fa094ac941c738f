-- What people have suspended, as online-risk tells it.
create table suspension (
  id text primary key,
  kind text not null,
  -- As it was given, and the other spellings of a destination.
  said_values text[] not null,
  reason text not null,
  suspended_by text not null,
  suspended_at timestamptz not null,
  -- Once false for ever: each suspension is reopened once, whatever order its words come in.
  is_standing boolean not null
);
