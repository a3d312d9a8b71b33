-- The pauses of a source, and the resumes by persons, newest first. A row that was written while the
-- clock was ahead counts from that time.
SELECT extract(epoch FROM i.at)::float8, i.kind, i.role::text, i.held, i.reason
FROM (
    SELECT p.paused_at AS at, 'pause'::text AS kind, p.paused_by AS role, NULL::int8 AS held, p.reason
    FROM session_exporter.pause AS p
    WHERE p.source = {source}
    UNION ALL
    SELECT p.resumed_at, 'resume', p.resumed_by, NULL, p.resume_reason
    FROM session_exporter.pause AS p
    WHERE p.source = {source} AND p.resumed_at <= pg_catalog.now()
    UNION ALL
    SELECT s.resumed_at, 'resume', s.resumed_by, s.held, s.reason
    FROM session_exporter.stop AS s
    WHERE s.source = {source} AND s.resumed_at <= pg_catalog.now()
) AS i
ORDER BY i.at DESC
LIMIT 50
