-- Why nodes did not take a transaction when it was last sent: a stable code, and what follows from it.
alter table chain_transaction add column refusal_code text, add column refusal_action text;
