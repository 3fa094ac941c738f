-- When a task was judged first: the age of its clearances counts to then, and so does the wait for what is unusual.
alter table task add column first_judged_at_ms bigint;
