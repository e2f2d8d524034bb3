-- Lists of presentities (MS-SIP 3.3, RFC 4662 5.2): the version of the last list document of a dialog. Clients order documents by it, so that it must never go back.
alter table dialog add column rlmi_version integer not null default 0;
