-- The owning user leads every primary key: publisher-side tables by publisher, dialog-side tables by subscriber, so that the
-- same schema can be spread over servers. Ids and times come from the application; times are milliseconds since the epoch.

create table domain (
  domain text primary key,
  kind text not null check (kind in ('enterprise', 'federated', 'publicCloud', 'blocked')),
  created_at bigint not null,
  updated_at bigint not null
);

-- A user of an enterprise domain, as the operator knows it.
create table presence_user (
  user_uri text primary key,
  domain text not null,
  display_name text not null,
  properties jsonb not null default '{}'::jsonb,
  created_at bigint not null,
  updated_at bigint not null
);
create index presence_user_domain on presence_user (domain, user_uri);

-- Every user is a publisher. `revision` counts the changes of everything on the publisher's side: a decision is written only if the revision
-- that it was made on is still the current one. Narrow, because each publish makes a new version of the row.
create table publisher (
  publisher text primary key,
  revision bigint not null
) with (fillfactor = 50);

create table endpoint (
  user_uri text not null,
  endpoint_id text not null,
  instance_id text not null,
  epid text,
  proxy text not null,
  flow text not null,
  contact text not null,
  call_id text not null,
  registered_at bigint not null,
  expires_at bigint not null,
  primary key (user_uri, endpoint_id)
);
create index endpoint_expires_at on endpoint (expires_at);

create table category_instance (
  publisher text not null,
  category text not null,
  container integer not null,
  instance bigint not null,
  instance_version bigint not null,
  expire_type text not null check (expire_type in ('static', 'endpoint', 'user', 'time')),
  expires_at bigint,
  endpoint_id text,
  publish_time bigint not null,
  payload text not null,
  primary key (publisher, category, container, instance)
) with (fillfactor = 70);
create index category_instance_expires_at on category_instance (expires_at) where expires_at is not null;

create table container (
  publisher text not null,
  container integer not null,
  members_version bigint not null,
  primary key (publisher, container)
);

create table container_member (
  publisher text not null,
  container integer not null,
  member_type text not null check (member_type in ('user', 'domain', 'sameEnterprise', 'federated', 'publicCloud', 'everyone')),
  member_value text not null default '',
  position bigint not null,
  primary key (publisher, container, member_type, member_value)
);

-- One row per committed change, until it has been told to everyone concerned. `touch` says what changed; the id is the revision.
create table change (
  publisher text not null,
  id bigint not null,
  touch text not null,
  trace text not null,
  at bigint not null,
  primary key (publisher, id)
) with (autovacuum_vacuum_scale_factor = 0.02);

-- Lock row: at most one node tells a publisher's changes at a time, while the publisher itself stays free to publish.
create table fan_out (
  publisher text primary key
);

-- Requests that were carried out, with the tag of their answers: a repeated one is answered again, not applied again.
create table answered (
  publisher text not null,
  call_id text not null,
  cseq bigint not null,
  from_tag text not null,
  to_tag text not null,
  at bigint not null,
  primary key (publisher, call_id, cseq, from_tag)
);
create index answered_at on answered (at);

-- cseq moves with each notification: half of each page stays free so that these updates stay in place (HOT), and no index may name
-- a column that moves with them.
create table dialog (
  subscriber text not null,
  local_tag text not null,
  remote_tag text not null,
  call_id text not null,
  kind text not null check (kind in ('self', 'batch', 'single')),
  event text not null,
  endpoint_id text,
  network text not null check (network in ('sameEnterprise', 'federated', 'publicCloud')),
  local_text text not null,
  remote_text text not null,
  target text not null,
  routes text[] not null,
  proxy text not null,
  flow text not null,
  contact text not null,
  benotify boolean not null,
  cseq bigint not null,
  remote_cseq bigint not null,
  failures integer not null default 0,
  failed_at bigint not null default 0,
  scope text[] not null,
  -- Self dialogs: the revision that the first answer showed. Changes up to it need not be told.
  since bigint not null default 0,
  created_at bigint not null,
  expires_at bigint not null,
  primary key (subscriber, local_tag)
) with (fillfactor = 50);
create index dialog_expires_at on dialog (expires_at);
-- The same SUBSCRIBE twice at the same time must not open two dialogs.
create unique index dialog_identity on dialog (subscriber, call_id, remote_tag);

-- What a category dialog watches, from the subscriber's side: for refreshes and for cleaning up.
create table dialog_resource (
  subscriber text not null,
  local_tag text not null,
  publisher text not null,
  categories text[] not null,
  primary key (subscriber, local_tag, publisher)
);

-- The same edge from the publisher's side: for fan-out.
create table subscription (
  publisher text not null,
  subscriber text not null,
  local_tag text not null,
  network text not null,
  categories text[] not null,
  -- The publisher's revision when the edge was made; the data was read after that, so that changes up to it need not be told.
  since bigint not null,
  primary key (publisher, subscriber, local_tag)
);

-- A dialog that could not be told something: it is owed the latest state of that publisher.
create table deferred (
  subscriber text not null,
  local_tag text not null,
  publisher text not null,
  attempts integer not null,
  reason text not null,
  due_at bigint not null,
  primary key (subscriber, local_tag, publisher)
);
create index deferred_due_at on deferred (due_at);
