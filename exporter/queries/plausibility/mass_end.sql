-- The times at which several of the newest closed sessions ended together, the most frequent first: the
-- number of sessions, and the total numbers of such times and sessions.
-- One UPDATE gives all its rows the same microsecond. Whole seconds are ignored, because they coincide
-- by chance, and so are ends of sessions that began together, for example by an import.
SELECT
    pg_catalog.to_char(session_exporter_end AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US"Z"'),
    session_exporter_count,
    pg_catalog.count(*) OVER (),
    (pg_catalog.sum(session_exporter_count) OVER ())::int8
FROM (
    SELECT session_exporter_end, pg_catalog.count(*) AS session_exporter_count
    FROM (
        SELECT
            {start} AS session_exporter_start,
            {end} AS session_exporter_end,
            {id} AS session_exporter_id
        FROM {table} AS s
        WHERE {exists}
            AND {started}
            AND ({active}) IS NOT TRUE
        ORDER BY {order} DESC NULLS LAST
        LIMIT {limit}
    ) AS newest
    WHERE session_exporter_end <> pg_catalog.date_trunc('second', session_exporter_end)
        AND NOT {recovered}
    GROUP BY session_exporter_end
    HAVING pg_catalog.count(DISTINCT session_exporter_start) >= {fewest}::int8
) AS moments
ORDER BY session_exporter_count DESC, session_exporter_end DESC
LIMIT 1
