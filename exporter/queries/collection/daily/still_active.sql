-- How many sessions of each past day are still active, and how many of those are orphaned. A past day
-- whose number of active sessions did not change is not read again. Today is excluded, because it is
-- read anyway and has most of them.
-- The days are a range of constants, so that an index on the start can be used; an index on the start
-- WHERE <active> reads no other rows.
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
