-- What became of the sessions that started on given days, counted by day and label.
-- The days come as ranges of constants, so that an index on the start finds their rows and, without
-- one, the table is read once however many days are asked for.
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
        AND ({ranges})
) AS started
GROUP BY {groups}
