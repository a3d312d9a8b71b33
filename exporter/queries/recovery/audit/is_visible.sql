-- Whether the audit table exists, for a role that may use its schema, and the version of the schema.
SELECT
    pg_catalog.to_regclass('session_exporter.recovery'::text) IS NOT NULL,
    (
{version}
    )
