-- Category names that operators registered, changed or removed; what is not in here is as the built-in table says.
create table category (
  name text primary key,
  removed boolean not null,
  private boolean not null,
  read_only_containers integer[] not null,
  max_bytes integer not null,
  quota_bytes integer not null,
  payload_schema jsonb,
  created_at bigint not null,
  updated_at bigint not null
);
