-- The type of every declared expression, from its result columns: no row is read. In WHERE, PostgreSQL
-- refuses expressions that do not give one value for one row: functions that return sets, aggregates,
-- and window functions. Elsewhere some of these would change the number of rows.
SELECT
    {expressions}
FROM {table} AS s
WHERE
    {conditions}
LIMIT 0
