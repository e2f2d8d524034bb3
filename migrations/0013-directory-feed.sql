-- An outside directory whose people are users here. One small row says how far reading it has come, who reads it just now, and what came of it.
create table directory_feed (
  name text primary key,
  -- The engine that reads, until when it may be without a sign of life, and when the next run is due; all that several engines share.
  holder text not null,
  held_until bigint not null,
  due_at bigint not null,
  -- When everything is to be read again, which finds those who are gone; 0 at once.
  full_due_at bigint not null,
  -- Everything that had changed by then has been read; null when only reading everything helps.
  read_until bigint,
  -- How it was read: with another filter or map everything must be read again.
  read_how text not null default '',
  -- What came of the last run and of the last good one.
  report jsonb,
  succeeded_at bigint
);

-- When the directory first named the user; null for those whom it never named, and whom it therefore never takes away.
alter table presence_user add column fed_at bigint;
