-- Whether the audit table exists, for a role that may use its schema.
SELECT to_regclass('session_exporter.recovery') IS NOT NULL
