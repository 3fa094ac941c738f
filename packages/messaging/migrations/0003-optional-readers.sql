-- Readers that not every deployment has, as far as this one has them: only these are waited for.
create table optional_reader (
  consumer text primary key
);
