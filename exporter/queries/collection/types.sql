-- The type of every declared expression, from its result columns: no row is read. In WHERE, PostgreSQL
-- refuses what does not give one value of one row: functions that return sets, aggregates, and
-- window functions. Elsewhere some of these would change how many rows there are.
SELECT
    {expressions}
FROM {table} AS s
WHERE
    {conditions}
LIMIT 0
