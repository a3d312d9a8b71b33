-- Some rows of a table, the newest by its key where it has one: times in seconds or in the unit of the
-- column, states and flags, and no id.
SELECT
    {columns}
FROM {table} AS s
{order}
LIMIT {most}::int8
