-- Watcher information (RFC 3857): who watches a user, told to its own clients.
alter table dialog drop constraint dialog_kind_check;
alter table dialog add constraint dialog_kind_check check (kind in ('self', 'batch', 'single', 'contacts', 'msrtc', 'pidf', 'adrl', 'acl', 'wpending', 'list', 'winfo'));

-- Who ends or begins to watch somebody looks here whether that one's clients want to know: nearly nobody's do, so that this holds next to nothing.
create index dialog_on_watchers on dialog (subscriber) where kind in ('winfo', 'wpending');

-- When the watcher began, and when and by what its subscription came to the state that it is in (RFC 3857 4.7.1).
alter table subscription add column began_at bigint not null default 0;
alter table subscription add column status_at bigint not null default 0;
alter table subscription add column status_event text not null default 'subscribe';
update subscription set began_at = dialog.created_at, status_at = dialog.created_at from dialog where dialog.subscriber = subscription.subscriber and dialog.local_tag = subscription.local_tag;

-- Watchers whose subscriptions are over: those of whom nothing was decided until then wait on, the others are kept until they have been told.
create table past_watcher (
  publisher text not null,
  subscriber text not null,
  local_tag text not null,
  status text not null check (status in ('waiting', 'terminated')),
  event text not null,
  began_at bigint not null,
  status_at bigint not null,
  primary key (publisher, subscriber, local_tag)
);
create index past_watcher_status_at on past_watcher (status_at);

-- What is owed is all that there is to tell, or only what has changed since the dialog was first owed something.
alter table deferred add column whole boolean not null default true;
