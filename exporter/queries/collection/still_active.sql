-- How many sessions of each past day are still active. A past day whose number did not change is
-- not read again. Today is left out, because it is read anyway and has most of them.
-- The days come as a range of constants: an index on the start serves this, and one on the start
-- WHERE <active> without reading the table.
SELECT
    {day} AS day,
    {labels}
    pg_catalog.count(*)
FROM {table} AS s
WHERE {rows}
    AND ({started})
{groups}
