-- Whether this role may read which sessions were closed from the audit; no row without an audit. It
-- needs no rights. In an older release the id is a text.
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
