-- How far a timer has come that goes through all users, page by page: whichever node has time takes the next page. One small row per timer, so that a
-- round costs the users themselves nothing.
create table user_round (
  name text primary key,
  started_at bigint not null,
  -- The last user dealt with, empty at the start, null when the round is over.
  position text
);
