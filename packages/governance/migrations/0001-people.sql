-- Every bundle that was ever in force, exactly as it came. Rows are no authority: seals are verified when one is loaded.
create table bundle (
  version bigint primary key,
  sha256 text not null,
  bytes bytea not null,
  -- installation, vault or console.
  entered_by text not null,
  accepted_at_ms bigint not null
);

-- A withdrawal that waits for time or for people: since when, in which task last, and who has said no.
create table deliberation (
  withdrawal_id text primary key,
  task_id text not null,
  since_ms bigint not null,
  vetoed_by text,
  veto_via text,
  veto_reason text,
  -- The holder's sealed message, or the person's signature.
  veto_proof bytea,
  vetoed_at_ms bigint,
  check ((vetoed_by is null) = (veto_via is null) and (vetoed_by is null) = (veto_proof is null))
);
create index on deliberation (task_id);

-- A person's signature over one transaction of one task. It is verified again whenever it is used.
create table release (
  task_id text not null,
  transaction_id text not null,
  person text not null,
  signature bytea not null,
  at_ms bigint not null,
  primary key (task_id, transaction_id, person)
);
