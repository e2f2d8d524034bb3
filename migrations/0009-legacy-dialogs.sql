-- The subscriptions of the clients before enhanced presence: lists of presentities, access lists, pending watchers.
alter table dialog drop constraint dialog_kind_check;
alter table dialog add constraint dialog_kind_check check (kind in ('self', 'batch', 'single', 'contacts', 'msrtc', 'pidf', 'adrl', 'acl', 'wpending'));
