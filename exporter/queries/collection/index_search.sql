-- The start of the rows that a collector has to find: what its index is for.
SELECT {start}
FROM {table} AS s
WHERE {rows}
