-- Recovered sessions that the evidence proves alive now, although it did not when they were closed;
-- their rows may be unchanged. Evidence that became true by closing itself, or was changed in the config
-- since, has no consequence. For undone sessions, which are open again, the present evidence counts: a
-- session that it has proved alive since may be closed again.
-- In pages like contradicted.sql.
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
