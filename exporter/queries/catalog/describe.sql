-- The type of every declared expression, asked of PostgreSQL itself: no row is read.
SELECT
    {expressions}
FROM {table} AS s
LIMIT 0
