-- How many sessions are active, and how many of them orphaned.
SELECT pg_catalog.count(*)::int8, pg_catalog.count(*) FILTER (WHERE {orphaned})::int8
FROM {table} AS s
WHERE {rows}
