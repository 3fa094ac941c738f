-- failed: two people have said so and the chain proves it; it is never planned again.
alter table withdrawal drop constraint withdrawal_state_check;
alter table withdrawal add constraint withdrawal_state_check
  check (state in ('cleared', 'planned', 'refused', 'signed', 'confirmed', 'failed'));

-- Who has had a task planned again that waited for a person, or that was the last of a withdrawal which did. Only ever added to.
create table task_decision (
  task_id text not null references task,
  -- Of the task, when it was decided.
  code text,
  said_by text not null,
  reason text not null,
  decided_at timestamptz not null default now()
);
create index on task_decision (task_id);
create function refuse_change() returns trigger language plpgsql as $$
begin
  raise exception '% is only ever added to', tg_table_name;
end $$;
create trigger append_only before update or delete on task_decision
  for each statement execute function refuse_change();
