-- The sessions that started on given days, counted by day and label.
-- The days come as a range of constants, so that an index on the start finds their rows and,
-- without one, the table is read once for any number of neighbouring days. Of a single day without
-- labels there are no groups, which cost half as much again.
-- The newest start of them that is not in the future costs no other read.
-- Most rows are plain: ended, complete, of known duration. Only of the others is asked what each is:
-- the last measure adds up kinds, so that all of its conditions are tried once for a row.
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
