-- Schedules the next attempt after a failed one, unless another exporter has claimed the row since.
UPDATE session_exporter.recovery
SET next_attempt_at = pg_catalog.now() + {wait}::float8 * interval '1 second'
WHERE number = {number} AND attempts = {attempts} AND notified_at IS NULL
