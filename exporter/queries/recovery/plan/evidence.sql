-- Whether the evidence can be read, for the sessions that it might prove alive.
SELECT pg_catalog.count(*) FILTER (WHERE {alive})
FROM {table} AS s
WHERE {rows} AND {orphaned}
