-- The policy as people propose and activate it. Nothing of it is ever changed: a version's state is what was decided about it.

create table policy_version (
  number integer primary key check (number >= 1),
  -- As it was written, and the SHA-256 of what it says.
  content text not null,
  sha256 bytea not null check (length(sha256) = 32),
  -- The version that was active when it was proposed; null for the first one.
  based_on integer references policy_version (number),
  -- A key, and whose it was; null of the first one, which came from the file given at start.
  proposed_by text,
  person text,
  proposed_at_ms bigint not null,
  -- What was signed.
  request jsonb,
  check ((number = 1) = (based_on is null)),
  check ((number = 1) or (proposed_by is not null and person is not null and request is not null))
);

-- At most one for each version. The newest activation is the active version.
create table policy_decision (
  number bigint generated always as identity primary key,
  version integer not null unique references policy_version (number),
  kind text not null check (kind in ('activated', 'withdrawn')),
  decided_by text,
  person text,
  decided_at_ms bigint not null,
  request jsonb
);

create index policy_activation on policy_decision (number desc) where kind = 'activated';

create trigger append_only before update or delete or truncate on policy_version
  for each statement execute function refuse_change();
create trigger append_only before update or delete or truncate on policy_decision
  for each statement execute function refuse_change();

-- Whatever asks for it: nobody activates an own proposal, and none that was made before something else became active.
create function check_activation() returns trigger language plpgsql as $$
declare
  proposed policy_version;
  active integer;
begin
  -- One after the other.
  perform pg_advisory_xact_lock(hashtextextended('policy', 0));
  select * into proposed from policy_version where number = new.version;
  select version into active from policy_decision where kind = 'activated' order by number desc limit 1;
  if new.kind = 'activated' and proposed.based_on is distinct from active then
    raise exception 'policy % was proposed against %, and % is active', new.version, proposed.based_on, active;
  end if;
  if new.kind = 'activated' and new.version > 1
     and (new.decided_by is null or new.person is null or new.decided_by = proposed.proposed_by or new.person = proposed.person) then
    raise exception 'policy % is not activated by who proposed it', new.version;
  end if;
  return new;
end $$;

create trigger check_activation before insert on policy_decision for each row execute function check_activation();

-- Which version a judgement was made by; null of what others found, and of what was found before there were versions.
alter table finding add column policy_version integer;

-- A replay asks what was cleared in one minute over all accounts.
create index withdrawal_by_clearance on withdrawal (cleared_at_ms) where cleared_at_ms is not null;
