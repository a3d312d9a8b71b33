-- Whether this role may read of the audit what says which sessions were closed; no row where there is no
-- audit. Takes no rights. An older release has the id as a text.
SELECT
    pg_catalog.has_schema_privilege(n.oid, 'USAGE'::text)
    AND (
        SELECT pg_catalog.count(*)
        FROM pg_attribute AS t
        WHERE t.attrelid = c.oid
            AND t.attname = ANY ({columns}::name[])
            AND NOT t.attisdropped
            AND (t.attname <> 'session' OR t.atttypid = 'text[]'::regtype)
            AND pg_catalog.has_column_privilege(c.oid, t.attnum, 'SELECT'::text)
    ) = {count}
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname = 'session_exporter' AND c.relname = 'recovery' AND c.relkind = 'r'
