-- Ends the pause of a source, and returns what it was.
DELETE FROM session_exporter.pause
WHERE source = {source}
RETURNING extract(epoch FROM paused_at)::float8, paused_by::text, reason
