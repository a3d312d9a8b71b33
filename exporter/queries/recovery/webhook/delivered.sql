-- The webhook knows of a recovery now. That is so whoever told it, and however often.
UPDATE session_exporter.recovery
SET notified_at = now(), next_attempt_at = NULL
WHERE number = {number} AND notified_at IS NULL
