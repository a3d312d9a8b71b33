-- The start of the rows that a collector has to find, which its index has to serve.
SELECT {start}
FROM {table} AS s
WHERE {rows}
