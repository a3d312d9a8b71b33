-- How many sessions of each past day are still active, and how many of those are orphaned. A past day
-- whose number of active sessions did not change is not read again. Today is left out, because it is read
-- anyway and has most of them.
-- The days come as a range of constants: an index on the start serves this, and one on the start
-- WHERE <active> without reading other rows.
WITH {clock}
SELECT
    {day} AS day,
    {labels}
    pg_catalog.count(*),
    {orphaned}
FROM {table} AS s
WHERE {rows}
    AND ({started})
{groups}
