-- Where the contact list of a user is kept (MS-PRES 3.10); of users without a row it is here, and nobody has asked for anything else.
create table contact_store (
  user_uri text primary key,
  -- What the operator says of this user; null is as for everybody.
  permitted boolean,
  mode text not null check (mode in ('disabled', 'allowed', 'migrating', 'migrated')),
  -- Which move of the list this is: rises with each, so that what an earlier one still sends changes nothing in the store.
  epoch bigint not null,
  attempts integer not null,
  -- Why the last attempt failed.
  reason text,
  -- When there is something to do next, null when there is nothing. Moved on by whoever begins it: others leave the user alone until then.
  due_at bigint,
  changed_at bigint not null
);
create index contact_store_due on contact_store (due_at) where due_at is not null;
create index contact_store_mode on contact_store (mode, user_uri);

-- Changes of lists that are kept elsewhere, until the store there has taken them.
create table contact_store_change (
  user_uri text not null,
  delta_num bigint not null,
  prev_delta_num bigint not null,
  change text not null,
  primary key (user_uri, delta_num)
);

-- Whether the client of a contact list reads the store elsewhere by itself (ms-ucs); its dialog ends when the list has moved there.
alter table dialog add column ucs boolean not null default false;
alter table dialog drop constraint dialog_end_reason_check;
alter table dialog add constraint dialog_end_reason_check check (end_reason in ('timeout', 'deactivated', 'noresource', 'rejected', 'migrated'));
