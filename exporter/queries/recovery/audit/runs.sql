-- The runs of recovery, newest first.
SELECT
    run, min(source), min(trigger), min(role)::text,
    extract(epoch FROM min(at))::float8, count(*), count(undone_at)
FROM session_exporter.recovery
WHERE {condition}
GROUP BY run
ORDER BY min(number) DESC
LIMIT {limit}
