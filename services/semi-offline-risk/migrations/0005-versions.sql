-- An outpoint that a payout spends and under which its versions are known: of those that share one at most one can confirm, so the
-- wallet's windows count the dearest of them only. Null: it has no versions.
alter table outflow add column anchor text;
update outflow set anchor = (
  select min(payment.anchor) from task join payment_attempt attempt on attempt.task_id = task.id
    join payment on payment.withdrawal_id = attempt.withdrawal_id
  where task.txid = outflow.txid);
