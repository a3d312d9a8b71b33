-- The sessions that started on given days, counted by day and label.
-- The days come as a range of constants, so that an index on the start finds their rows and,
-- without one, the table is read once for any number of neighbouring days. A single day without
-- labels has no groups, which would add half of the cost.
-- The newest start that is not in the future needs no separate read.
-- Most rows are plain: ended, complete, with a known duration. Only the others are classified: the
-- last measure sums up kinds, so that its conditions are evaluated once for each row.
WITH {clock}
SELECT
    {day} AS day,
    {labels}
    pg_catalog.count(*),
    {measures}
FROM (
    SELECT
    {columns}
    FROM {table} AS s
    WHERE {exists}
        AND ({started})
) AS started
{groups}
