-- Whether the table of paused sources exists.
SELECT to_regclass('session_exporter.pause') IS NOT NULL
