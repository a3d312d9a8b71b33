-- Since when automatic recovery of a source is paused, by which role and why; no row where it is not.
SELECT extract(epoch FROM paused_at)::float8, paused_by::text, reason
FROM session_exporter.pause
WHERE source = {source} AND resumed_at IS NULL
