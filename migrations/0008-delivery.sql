-- Who numbers a dialog's notifications: an engine uses numbers only of dialogs that it has made its own in a transaction before, beyond all that another may have used.
-- What was told last, and which answer failed last, for those who look.
alter table dialog add column sender text not null default '';
alter table dialog add column notified_trace text not null default '';
alter table dialog add column failed_code integer not null default 0;
-- Failures that belong together: when they began, and the highest number that failed. Numbers between two failures were taken.
alter table dialog add column stalled_at bigint not null default 0;
alter table dialog add column failed_cseq bigint not null default 0;

-- Few, and written by failures alone: a notification leaves this column as it is.
create index dialog_failed on dialog (subscriber, local_tag) where failed_at > 0;

-- Debts are paid proxy by proxy, each at its own pace. `since` is when the dialog first was owed something about that publisher.
alter table deferred add column proxy text not null default '';
alter table deferred add column since bigint not null default 0;
alter table deferred add column trace text not null default '';
-- Moves whenever something is owed again, so that whoever pays forgets only what it has paid.
alter table deferred add column version integer not null default 0;
update deferred set since = deferred.due_at, proxy = dialog.proxy from dialog where dialog.subscriber = deferred.subscriber and dialog.local_tag = deferred.local_tag;
drop index deferred_due_at;
create index deferred_due on deferred (proxy, due_at);

-- For comparing with the registrar of a proxy, page by page.
create index endpoint_proxy on endpoint (proxy, user_uri, endpoint_id);

-- Read once in half a minute by whoever forgets old answers, and written with each publish: a range index costs next to nothing there.
drop index answered_at;
create index answered_at on answered using brin (at);

-- Who tells what is settled by the locks of the dialogs alone.
drop table fan_out;

-- Which REGISTER of a Call-ID an endpoint was told by: an older one that another proxy tells late changes nothing.
alter table endpoint add column cseq bigint not null default 0;

-- When an engine that takes long to tell a change was last seen at it: others leave it alone for a while.
alter table change add column taken_at bigint not null default 0;
