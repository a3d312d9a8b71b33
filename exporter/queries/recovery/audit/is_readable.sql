-- The existing tables of the audit that this role may read, even if it may not use their schema; and
-- the version of the schema.
SELECT
    ARRAY(
        SELECT c.relname::text
        FROM pg_class AS c
        JOIN pg_namespace AS n ON n.oid = c.relnamespace
        WHERE n.nspname = 'session_exporter'
            AND has_schema_privilege(n.oid, 'USAGE')
            AND has_table_privilege(c.oid, 'SELECT')
    ),
    (
{version}
    )
