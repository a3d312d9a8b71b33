-- The start of the rows that a collector has to find by its index.
SELECT {start}
FROM {table} AS s
WHERE {rows}
