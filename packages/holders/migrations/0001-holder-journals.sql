-- How far each holder's journal was when it last spoke. Durable before the holder is asked to sign anything further.
create table holder_journal (
  holder text primary key,
  records bigint not null,
  head text not null,
  -- What it said last: more than records while an alarm stands.
  told_records bigint not null,
  -- Records that no order of this database explains, and that a person has accepted all the same.
  accepted_records bigint not null default 0,
  -- HOLDER_ROLLED_BACK: its journal was longer before, or another. ZONE_ROLLED_BACK: it is longer than this database knows why.
  alarm text not null check (alarm in ('', 'HOLDER_ROLLED_BACK', 'ZONE_ROLLED_BACK')),
  detail text not null
);
