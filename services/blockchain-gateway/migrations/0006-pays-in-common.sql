-- Whether two transactions, by the withdrawals that vault released them for, pay one in common.
create function pays_in_common(one jsonb, other jsonb) returns boolean language sql immutable as $$
  select exists (select from jsonb_array_elements(one) a, jsonb_array_elements(other) b
                 where a ->> 'withdrawalId' = b ->> 'withdrawalId')
$$;
