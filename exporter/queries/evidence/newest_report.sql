-- How long ago any owner has reported, in seconds by the database's clock; NULL: none ever has.
WITH {clock}
SELECT extract(epoch FROM {now} - pg_catalog.max({seen_at}))::float8
FROM {table} AS s
