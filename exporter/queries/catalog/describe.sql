-- The type of every declared expression, from its result columns: no row is read.
SELECT
    {expressions}
FROM {table} AS s
LIMIT 0
