-- Change of our own transactions may be spent before it is in a block, and what must hold then holds here, whoever writes.

alter table task
  -- An upper bound of the signed size; it counts against what nodes keep of a chain of unconfirmed transactions.
  add column vbytes integer not null default 1000 check (vbytes > 0);

alter table coin
  -- Null while it was never seen in a block.
  alter column height drop not null,
  -- The task whose released transaction made it. Null: others paid it, and it counts only once it is in a block.
  add column made_by text references task,
  -- What was never confirmed for long is no longer counted on.
  add column known_since timestamptz not null default now(),
  add check (height is not null or made_by is not null);

create index coin_made_by on coin (made_by) where height is null;

-- The rule of unconfirmed change (ARCHITECTURE.md), held on both sides. Each takes the row of the payout's first version, so
-- that of two that come at the same time the later one sees the earlier.
create function payout_is_built_upon(payout text) returns boolean language sql as $$
  select exists (select from coin join task maker on maker.id = made_by join reservation using (outpoint)
                 where maker.payout_id = payout and height is null)
$$;

create function refuse_reserving_unsafe_change() returns trigger language plpgsql as $$
declare
  payout text;
begin
  select maker.payout_id into payout from coin join task maker on maker.id = made_by
    where outpoint = new.outpoint and height is null;
  if payout is null then return new; end if;
  perform from task where id = payout for no key update;
  if exists (select from coin join task maker on maker.id = made_by
             where outpoint = new.outpoint and maker.state not in ('signed', 'confirmed'))
    or exists (select from coin join task other on other.payout_id = payout and other.id <> made_by
               where outpoint = new.outpoint and other.state not in ('refused', 'superseded')) then
    raise exception 'the transaction of change % may never confirm', new.outpoint using errcode = 'check_violation';
  end if;
  return new;
end $$;

create trigger reservation_of_change_is_safe before insert on reservation
  for each row execute function refuse_reserving_unsafe_change();

create function refuse_replacing_unsafely() returns trigger language plpgsql as $$
begin
  perform from task where id = new.payout_id for no key update;
  if payout_is_built_upon(new.payout_id) then
    raise exception 'the change of payout % is reserved: it cannot be replaced', new.payout_id using errcode = 'check_violation';
  end if;
  return new;
end $$;

create trigger replacing_is_safe before insert on task
  for each row when (new.replaces is not null) execute function refuse_replacing_unsafely();
