-- What the chain says may be taken back by the chain. The gateway numbers what it says; the highest number counts.

-- Whether a coin is in a block of the best chain. Apart from the coin itself, since its vanishing may be heard of first.
create table coin_sighting (
  outpoint text primary key,
  present boolean not null,
  revision bigint not null
);

-- Where the coin stood among the inputs that spent it, so that its reservation can be put back.
alter table coin add column spent_position integer;

alter table task
  -- The newest that the chain said of its transaction.
  add column chain_revision bigint not null default 0,
  -- When it was first taken to be sent. Before that the semi-offline zone cannot know of it, and it can be withdrawn.
  add column taken_at timestamptz;
