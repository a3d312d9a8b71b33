-- Recovered sessions that were seen since, or got a genuine end: the row has another version, and
-- what recovery wrote was overwritten, or the session was seen after it was closed.
-- Gives the time at which the page begins; NULL after the last page.
-- OFFSET 0 keeps EXISTS from becoming a join, for which the whole table may be read.
-- The row is in an inner query, so that no bare word in an expression is ambiguous.
WITH session_exporter_page AS MATERIALIZED (
{page}
), session_exporter_marked AS (
    UPDATE session_exporter.recovery AS a
    SET contradicted_at = pg_catalog.now()
    FROM session_exporter_page AS p
    WHERE a.number = p.number
        AND a.undone_at IS NULL
        AND EXISTS (
            SELECT FROM {table} AS s
            WHERE {is_of_audit}
                AND s.xmin::text <> a.row_version
                AND ({last_seen} > a.at OR NOT {is_unchanged})
            OFFSET 0
        )
)
SELECT pg_catalog.min(p.at) FROM session_exporter_page AS p
