-- How many sessions may still be closed in this hour, and in 24 hours where a limit is earned. One exporter
-- at a time counts and closes: the lock lasts until the transaction ends.
SELECT least(
    {per_hour} - (
        SELECT pg_catalog.count(*)
        FROM session_exporter.recovery AS a
        WHERE a.source = {source}
            AND a.trigger = 'auto'
            AND a.at > pg_catalog.now() - interval '1 hour'
            AND {is_of_closer} -- or another role could use up the budget
    ),
    {per_day} - (
{spent}
    )
)
