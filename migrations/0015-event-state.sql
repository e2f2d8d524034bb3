-- What a phone publishes by PUBLISH (RFC 3903) belongs to an endpoint of its user, like everything that shall end by itself. The current entity tag tells these
-- endpoints from those that are registered; it changes with each request, and is looked for among the few rows of one user, so that no index names it.
alter table endpoint add column entity_tag text;
