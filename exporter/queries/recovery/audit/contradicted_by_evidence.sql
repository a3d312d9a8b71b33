-- Recovered sessions that the evidence proves alive now, though it did not when they were closed:
-- their rows may be as recovery left them. Where what closing writes made the evidence true, or the
-- config has declared other evidence since, nothing follows from it.
-- The last thousand alone, because evidence may be costly and this runs every time.
WITH session_exporter_recent AS MATERIALIZED (
    SELECT a.number, a.session
    FROM session_exporter.recovery AS a
    WHERE a.source = {source}
        AND a.relation = {relation}
        AND a.at > pg_catalog.now() - interval '7 days'
        AND a.trigger <> 'close'
        AND a.undone_at IS NULL
        AND a.contradicted_at IS NULL
        AND a.evidence -> 'alive'::text = 'false'
        AND a.rule ->> 'evidence'::text = {declared}
    ORDER BY a.at DESC
    LIMIT 1000
)
UPDATE session_exporter.recovery AS a
SET contradicted_at = pg_catalog.now()
FROM session_exporter_recent AS r
WHERE a.number = r.number
    AND EXISTS (
        SELECT FROM {table} AS s
        WHERE {is_of_audit}
            AND {alive}
    )
RETURNING a.number
