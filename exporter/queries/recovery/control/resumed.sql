-- Which stop of a source a person has ended last, when, which role that was and why; no row for none.
SELECT
    extract(epoch FROM s.at)::float8, extract(epoch FROM s.resumed_at)::float8, s.resumed_by::text,
    s.reason
FROM session_exporter.stop AS s
WHERE s.source = {source} AND s.resumed_at IS NOT NULL
ORDER BY s.resumed_at DESC, s.at DESC
LIMIT 1
