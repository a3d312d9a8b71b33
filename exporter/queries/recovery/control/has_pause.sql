-- Whether the table is there that says which sources are paused.
SELECT to_regclass('session_exporter.pause') IS NOT NULL
