-- Of the gateway's observations the newest counts, whatever it says, so reorganisations need no number of their own.
alter table withdrawal drop column reorg_revision;
