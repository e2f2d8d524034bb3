-- Federation rights (MS-PRES 3.4.5.3): those of a domain are the default of its users; null at a user means "as the domain".
alter table domain
  add column incoming_federated boolean not null default true,
  add column outgoing_federated boolean not null default true,
  add column incoming_public_cloud boolean not null default true,
  add column outgoing_public_cloud boolean not null default true;
alter table presence_user
  add column incoming_federated boolean,
  add column outgoing_federated boolean,
  add column incoming_public_cloud boolean,
  add column outgoing_public_cloud boolean;

-- Whether the proxy itself named the network of a dialog, so that the domain table has no say in it. Of dialogs from before this (or by an engine
-- that does not know the column yet) nobody knows: they are left as they are until they are refreshed.
alter table dialog add column network_named boolean not null default true;
-- With what reason the last notification of an ended dialog is sent (RFC 6665 4.1.3); null is timeout.
alter table dialog add column end_reason text check (end_reason in ('timeout', 'deactivated', 'noresource', 'rejected'));

-- What a change of rights or of a domain can concern: edges from outside, and the dialogs of those who need not register here.
create index subscription_outside on subscription (publisher, subscriber, local_tag) where network <> 'sameEnterprise';
create index dialog_unregistered on dialog (subscriber, local_tag) where endpoint_id is null;
