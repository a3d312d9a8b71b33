-- Ends a stop by a person's decision; a newer stop stays in force.
UPDATE session_exporter.stop
SET resumed_at = pg_catalog.now(), resumed_by = session_user, held = {held}, wave = {wave},
    rule = {fingerprint}, reason = {reason}
WHERE source = {source} AND at = pg_catalog.to_timestamp({at}) AND resumed_at IS NULL
RETURNING source
