-- Judging in batches: what was received and what was delayed are looked for apart, and what is cleared is counted once a statement.

create index withdrawal_received on withdrawal (number) where state = 'received';
create index withdrawal_delayed on withdrawal (not_before_ms) where state = 'delayed';
drop index withdrawal_to_judge;

drop trigger count_cleared on withdrawal;

-- Rows of minutes are taken in one order, so that two transactions that clear do not wait for each other.
create or replace function count_cleared() returns trigger language plpgsql as $$
begin
  insert into cleared_minute as m (asset, minute_ms, count, amount_minor)
    select n.asset, n.cleared_at_ms - n.cleared_at_ms % 60000, count(*), sum(n.amount_minor)
    from after_it n join before_it b on b.id = n.id
    where b.cleared_at_ms is null and n.cleared_at_ms is not null
    group by 1, 2 order by 1, 2
    on conflict (asset, minute_ms) do update set count = m.count + excluded.count, amount_minor = m.amount_minor + excluded.amount_minor;
  return null;
end $$;

create trigger count_cleared after update on withdrawal
  referencing old table as before_it new table as after_it
  for each statement execute function count_cleared();
