-- Recovered sessions that the evidence proves alive now, though it did not when they were closed:
-- their rows may be as recovery left them. Where what closing writes made the evidence true, or the
-- config has declared other evidence since, nothing follows from it. Of those that were undone, which
-- are open again, whatever evidence there is now tells: one that it has proved alive since may be closed
-- again.
-- In pages as contradicted.sql.
WITH session_exporter_page AS MATERIALIZED (
{page}
), session_exporter_marked AS (
    UPDATE session_exporter.recovery AS a
    SET contradicted_at = pg_catalog.now()
    FROM session_exporter_page AS p
    WHERE a.number = p.number
        AND (
            a.undone_at IS NOT NULL
            OR a.evidence -> 'alive'::text = 'false'
            AND EXISTS (
                SELECT FROM session_exporter.run AS r
                WHERE r.run = a.run AND r.source = a.source
                    AND r.rule ->> 'evidence'::text = {declared}
            )
        )
        AND EXISTS (
            SELECT FROM {table} AS s
            WHERE {is_of_audit}
                AND {alive}
            OFFSET 0
        )
)
SELECT pg_catalog.min(p.at) FROM session_exporter_page AS p
