-- The webhook could not be told: later. Unless somebody else has taken the row over meanwhile.
UPDATE session_exporter.recovery
SET next_attempt_at = now() + {wait} * interval '1 second'
WHERE number = {number} AND attempts = {attempts} AND notified_at IS NULL
