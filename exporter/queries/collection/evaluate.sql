-- Whether an expression can be evaluated for every row; run after an error.
SELECT pg_catalog.count(({expression}))
FROM {table} AS s
WHERE {rows}
