-- The sessions that a query says live: its first column, and started_at, last_seen_at and key where it has
-- them, as JSON writes them. OFFSET 0, so that a row is made JSON once.
SELECT
    (j.session_exporter_id)::text,
    j.session_exporter_row OPERATOR(pg_catalog.->>) 'started_at'::text,
    j.session_exporter_row OPERATOR(pg_catalog.->>) 'last_seen_at'::text,
    j.session_exporter_row OPERATOR(pg_catalog.->>) 'key'::text
FROM (
    SELECT q.session_exporter_id, pg_catalog.to_jsonb(q) AS session_exporter_row
    FROM (
{query}
    ) AS q (session_exporter_id)
    LIMIT {most} OFFSET 0
) AS j
