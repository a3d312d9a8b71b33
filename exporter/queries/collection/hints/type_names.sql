-- The names of types that are only known as `type` and a number, to be named in a message.
SELECT n.name, pg_catalog.format_type(t.oid, NULL)
FROM pg_catalog.unnest({types}::text[]) AS n (name)
JOIN pg_catalog.pg_type AS t ON n.name = pg_catalog.concat('type ', t.oid)
