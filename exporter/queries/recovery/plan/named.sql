-- The session that an id names, active or not, as its text; twice where partitions share an id.
SELECT {key}
FROM {table} AS s
WHERE {named}
