#!/bin/sh
# Run once by the postgres image: the database in which Kamailio finds who may sign in (auth_db).
set -eu
psql -v ON_ERROR_STOP=1 -U "$POSTGRES_USER" -d "$POSTGRES_DB" -c "CREATE DATABASE kamailio"
psql -v ON_ERROR_STOP=1 -U "$POSTGRES_USER" -d kamailio <<'SQL'
CREATE TABLE version (
  id serial PRIMARY KEY,
  table_name varchar(32) NOT NULL UNIQUE,
  table_version integer NOT NULL DEFAULT 0
);
INSERT INTO version (table_name, table_version) VALUES ('subscriber', 7);
-- ha1 is md5('user:domain:password'); passwords themselves are not kept.
CREATE TABLE subscriber (
  id serial PRIMARY KEY,
  username varchar(64) NOT NULL,
  domain varchar(64) NOT NULL,
  password varchar(64) NOT NULL DEFAULT '',
  ha1 varchar(128) NOT NULL,
  ha1b varchar(128) NOT NULL DEFAULT '',
  UNIQUE (username, domain)
);
SQL
