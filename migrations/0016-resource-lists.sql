-- Lists of resources for ordinary phones (RFC 4662, RFC 5367): one dialog on many users, told in list documents.
alter table dialog drop constraint dialog_kind_check;
alter table dialog add constraint dialog_kind_check check (kind in ('self', 'batch', 'single', 'contacts', 'msrtc', 'pidf', 'adrl', 'acl', 'wpending', 'list'));

-- Lists that the operator keeps, each under a URI of its own. Entries are [{user, name}] in their order. The revision never repeats, not even when a list was deleted and is made anew.
create table resource_list (
  list_uri text primary key,
  display_name text,
  owner text,
  subscribers text[] not null,
  entries jsonb not null,
  revision bigint not null,
  created_at bigint not null,
  updated_at bigint not null
);

-- What the client of such a dialog takes its list to be: [{user, name, refused}]. The revision is that of the stored list, and null for a list that came in the SUBSCRIBE.
create table dialog_list (
  subscriber text not null,
  local_tag text not null,
  list_uri text not null,
  display_name text,
  entries jsonb not null,
  revision bigint,
  primary key (subscriber, local_tag)
);
