-- Pauses automatic recovery of a source; who paused it first stays on record.
INSERT INTO session_exporter.pause (source, reason)
VALUES ({source}, {reason})
ON CONFLICT (source) DO NOTHING
RETURNING source
