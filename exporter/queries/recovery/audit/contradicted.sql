-- Recovered sessions that were seen since, or got a genuine end: the row has another version, and
-- what recovery wrote was overwritten, or the session was seen after it was closed.
-- The row is a level further in than the audit's, so that no bare word in an expression is ambiguous.
UPDATE session_exporter.recovery AS a
SET contradicted_at = pg_catalog.now()
WHERE a.source = {source}
    AND a.relation = {relation}  -- ids of another table may be of another type
    AND a.at > pg_catalog.now() - interval '7 days'
    AND a.trigger <> 'close'  -- there the application is still up, and its own end may come last
    AND a.undone_at IS NULL
    AND a.contradicted_at IS NULL
    AND EXISTS (
        SELECT FROM {table} AS s
        WHERE {is_of_audit}
            AND s.xmin::text <> a.row_version
            AND ({last_seen} > a.at OR NOT {is_unchanged})
    )
RETURNING a.number
