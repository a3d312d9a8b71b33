-- Which stop of a source a person has ended last, when, which role that was and why; no row for none. What
-- was written while the clock was ahead counts when that time has come.
SELECT
    extract(epoch FROM least(s.at, s.resumed_at))::float8, extract(epoch FROM s.resumed_at)::float8, s.resumed_by::text,
    s.reason
FROM session_exporter.stop AS s
WHERE s.source = {source} AND s.resumed_at <= pg_catalog.now()
ORDER BY s.resumed_at DESC, s.at DESC
LIMIT 1
