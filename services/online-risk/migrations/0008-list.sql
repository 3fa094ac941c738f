-- What withdrawals are searched by, beside account and state.
create index withdrawal_by_destination on withdrawal (script_pubkey, number desc);
create index withdrawal_by_receipt on withdrawal (received_at_ms);
