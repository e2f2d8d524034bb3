-- Who wants a publisher to know of the subscription.
create table subscriber_entry (
  publisher text not null,
  subscriber text not null,
  display_name text not null,
  network text not null check (network in ('sameEnterprise', 'federated', 'publicCloud', 'unknown')),
  acknowledged boolean not null,
  -- What stood in the context element; empty for an empty one, null where there was none.
  context text,
  kept boolean not null,
  primary key (publisher, subscriber)
);

-- The version of a delegate list outlives its last delegate.
create table delegate_list (
  publisher text primary key,
  version bigint not null
);

create table delegate (
  publisher text not null,
  delegate text not null,
  publish boolean not null,
  redelegate boolean not null,
  primary key (publisher, delegate)
);

-- Contacts and groups, all under one number that counts the changes.
create table contact_list (
  user_uri text primary key,
  delta_num bigint not null
);

create table contact_group (
  user_uri text not null,
  id integer not null,
  name text not null,
  external_uri text not null,
  primary key (user_uri, id)
);

create table contact (
  user_uri text not null,
  contact_uri text not null,
  display_name text not null,
  groups integer[] not null,
  subscribed boolean not null,
  external_uri text not null,
  extension text not null,
  primary key (user_uri, contact_uri)
);

alter table dialog drop constraint dialog_kind_check;
alter table dialog add constraint dialog_kind_check check (kind in ('self', 'batch', 'single', 'contacts'));
-- Milliseconds by which every notification extends the dialog's life, where that was negotiated (com.microsoft.autoextend); 0 where it counts down.
alter table dialog add column extend_ms bigint not null default 0;

-- Bounds of one user in place of the deployment's, and where a user lives who is not served here.
alter table presence_user add column limits jsonb not null default '{}'::jsonb;
alter table presence_user add column home_pool text;
