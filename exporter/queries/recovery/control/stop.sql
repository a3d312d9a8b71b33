-- Stops automatic recovery of a source; another exporter may have done so at this very moment.
INSERT INTO session_exporter.stop (source, at, brake, why)
VALUES ({source}, pg_catalog.to_timestamp({at}), {brake}, {why})
ON CONFLICT (source, at) DO NOTHING
