-- A block may be taken back: what spends change that was in one hangs on its transaction as well. So whatever of it is reserved
-- keeps the transaction from being replaced, in a block or not.
create or replace function payout_is_built_upon(payout text) returns boolean language sql as $$
  select exists (select from coin join task maker on maker.id = made_by join reservation using (outpoint)
                 where maker.payout_id = payout)
$$;
