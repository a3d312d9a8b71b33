-- The sessions that started on given days, counted by day and label.
-- The days come as ranges of constants, so that an index on the start finds their rows and, without
-- one, the table is read once for any number of days.
SELECT
    {day} AS day,
    {labels}
    count(*),
    count(*) FILTER (WHERE is_active),
    {measures}
FROM (
    SELECT
    {columns}
    FROM {table} AS s
    WHERE {exists}
        AND ({started})
) AS started
GROUP BY {groups}
