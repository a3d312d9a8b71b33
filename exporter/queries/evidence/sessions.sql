-- The live sessions by a query: its first column, and optionally started_at, last_seen_at and key, in
-- the format of JSON. OFFSET 0, so that each row is converted to JSON once.
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
