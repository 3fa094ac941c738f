-- What each person signed who approved a withdrawal: it goes with the clearance, where it is verified again.
create table approval (
  withdrawal_id text not null references withdrawal (id),
  key_id text not null,
  -- Says what it is for; one that names the id alone counts here, and nowhere else.
  bound boolean not null,
  approved_at_ms bigint not null,
  request jsonb not null,
  primary key (withdrawal_id, key_id)
);
