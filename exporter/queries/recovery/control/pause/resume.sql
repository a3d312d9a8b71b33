-- Ends the pause of a source by a person's decision, and returns what it was.
UPDATE session_exporter.pause
SET resumed_at = pg_catalog.now(), resumed_by = session_user, resume_reason = {reason}
WHERE source = {source} AND resumed_at IS NULL
RETURNING extract(epoch FROM paused_at)::float8, paused_by::text, reason
