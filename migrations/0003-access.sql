-- What the operator has set for the whole deployment, by name; what is not in here is as the code says.
create table deployment_setting (
  name text primary key,
  value jsonb not null,
  created_at bigint not null,
  updated_at bigint not null
);

-- When a dialog last got something; moves with cseq, so that it costs nothing of its own.
alter table dialog add column notified_at bigint not null default 0;
