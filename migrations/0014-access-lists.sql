-- The access lists of clients before enhanced presence (MS-SIP 2.2.3). The number outlives the entries; a list that nobody has changed is not stored.
create table access_list (
  publisher text primary key,
  delta_num bigint not null
);

-- The mask is a user key or a domain, and empty for ALL. Who is blocked stands in container 32000 as well; where the two differ, the container is right.
create table access_entry (
  publisher text not null,
  entry_type text not null check (entry_type in ('ALL', 'DOMAIN', 'USER')),
  mask text not null,
  rights text not null check (rights in ('AA', 'AD', 'DA', 'DD', 'PA', 'PD', 'BA', 'BD')),
  primary key (publisher, entry_type, mask)
);

-- What the access list says of the watcher of an edge, for those who read presence documents: kept here so that telling a change need not look at the list.
alter table subscription add column access text not null default 'A' check (access in ('A', 'D', 'P', 'B'));
