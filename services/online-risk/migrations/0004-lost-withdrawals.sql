-- Withdrawals that were accepted once and are not known since this database was restored from an older copy: only the
-- number of the last change that was told is, and whether it ended there. The backend repeats their requests, and a row
-- goes when it has; what was cancelled or rejected stays so.
create table lost_withdrawal (
  id text primary key,
  revision integer not null check (revision >= 1),
  ended text check (ended in ('cancelled', 'rejected'))
);
