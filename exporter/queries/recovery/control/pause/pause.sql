-- Pauses automatic recovery of a source; an earlier pause stays as it is.
INSERT INTO session_exporter.pause (source, reason)
VALUES ({source}, {reason})
ON CONFLICT (source) WHERE resumed_at IS NULL DO NOTHING
RETURNING source
