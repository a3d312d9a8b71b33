-- The runs of recovery, newest first.
SELECT
    run, pg_catalog.min(source), pg_catalog.min(trigger), pg_catalog.min(role)::text,
    extract(epoch FROM pg_catalog.min(at))::float8, pg_catalog.count(*), pg_catalog.count(undone_at),
    pg_catalog.min(reason), pg_catalog.max(undo_reason)
FROM session_exporter.recovery
WHERE {condition}
GROUP BY run
ORDER BY pg_catalog.min(number) DESC
LIMIT {limit}
