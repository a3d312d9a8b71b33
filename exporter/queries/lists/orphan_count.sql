-- How many sessions are orphaned: the length of the list without its limit.
WITH {clock}
SELECT pg_catalog.count(*)
FROM {table} AS s
WHERE {rows}
    AND {orphaned}
