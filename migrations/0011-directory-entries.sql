-- What a user can be found by (MS-PRES 3.1.5.2), folded by the application: small letters, no accents. One row a user, written together with the user's own;
-- users from before get theirs from a round of the engine, since the database cannot fold as the application does. Prefixes are looked up in plain
-- indexes, which only the order of bytes (collation C) allows. What many users share, such as a city, costs an index little.
create table directory_entry (
  user_uri text primary key,
  address text collate "C" not null,
  display_name text collate "C" not null,
  given_name text collate "C",
  surname text collate "C",
  mail text collate "C",
  phone text collate "C",
  mobile text collate "C",
  title text collate "C",
  office text collate "C",
  company text collate "C",
  department text collate "C",
  city text collate "C",
  state text collate "C",
  country text collate "C"
);
create index directory_entry_address on directory_entry (address);
create index directory_entry_display_name on directory_entry (display_name);
create index directory_entry_given_name on directory_entry (given_name);
create index directory_entry_surname on directory_entry (surname);
create index directory_entry_mail on directory_entry (mail);
create index directory_entry_phone on directory_entry (phone);
create index directory_entry_mobile on directory_entry (mobile);
create index directory_entry_title on directory_entry (title);
create index directory_entry_office on directory_entry (office);
create index directory_entry_company on directory_entry (company);
create index directory_entry_department on directory_entry (department);
create index directory_entry_city on directory_entry (city);
create index directory_entry_state on directory_entry (state);
create index directory_entry_country on directory_entry (country);
