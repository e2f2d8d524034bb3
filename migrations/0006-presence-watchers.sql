-- Watchers in the formats of other clients (MS-PRES 3.7): what the edges of a dialog are told in.
alter table subscription add column format text not null default 'categories' check (format in ('categories', 'msrtc', 'pidf'));
alter table dialog drop constraint dialog_kind_check;
alter table dialog add constraint dialog_kind_check check (kind in ('self', 'batch', 'single', 'contacts', 'msrtc', 'pidf'));

-- The form of PIDF that the watchers of a domain read.
alter table domain add column pidf_form text not null default 'both' check (pidf_form in ('both', 'microsoft', 'rfc4480'));

-- Other addresses of the same person: {primary, secondary, cid}.
alter table presence_user add column linked jsonb;
