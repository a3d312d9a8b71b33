-- Ends this pause of a source by a person's decision, and no later one; no row where it has ended.
UPDATE session_exporter.pause
SET resumed_at = pg_catalog.now(), resumed_by = session_user, resume_reason = {reason}
WHERE source = {source} AND paused_at = pg_catalog.to_timestamp({at}) AND resumed_at IS NULL
RETURNING source
