-- Whether an expression can be evaluated for every row; asked after it could not.
SELECT count(({expression}))
FROM {table} AS s
WHERE {rows}
