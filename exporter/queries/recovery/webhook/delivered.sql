-- Records that the webhook was notified of a recovery, by any exporter.
UPDATE session_exporter.recovery
SET notified_at = pg_catalog.now(), next_attempt_at = NULL
WHERE number = {number} AND notified_at IS NULL
