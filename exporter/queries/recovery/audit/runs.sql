-- The runs of recovery, newest first.
SELECT
    a.run, pg_catalog.min(a.source), pg_catalog.min(a.trigger), pg_catalog.min(r.role)::text,
    extract(epoch FROM pg_catalog.min(a.at))::float8, pg_catalog.count(*),
    pg_catalog.count(a.undone_at), pg_catalog.min(a.reason), pg_catalog.max(a.undo_reason)
FROM session_exporter.recovery AS a
LEFT JOIN session_exporter.run AS r ON r.run = a.run AND r.source = a.source
WHERE {condition}
GROUP BY a.run
ORDER BY pg_catalog.min(a.number) DESC
LIMIT {limit}
