-- What withdrawals are searched by, beside account and state.
create index withdrawal_by_script on withdrawal (script_pubkey, number desc);
create index withdrawal_by_receipt on withdrawal (received_at_ms);
