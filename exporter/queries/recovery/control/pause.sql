-- Pauses automatic recovery of a source; an earlier pause stays as it is.
INSERT INTO session_exporter.pause (source, reason)
VALUES ({source}, {reason})
ON CONFLICT (source) DO NOTHING
RETURNING source
