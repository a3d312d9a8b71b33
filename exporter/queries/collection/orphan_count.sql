-- How many sessions are orphaned: what the list would show without its limit.
SELECT count(*)
FROM {table} AS s
WHERE {rows}
    AND {orphaned}
