-- Whether all tables of the audit are there and this role may read them, also where it may not use
-- their schema.
SELECT count(*) = 4
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname = 'session_exporter'
    AND c.relname IN ('recovery', 'pause', 'stop', 'observation')
    AND has_schema_privilege(n.oid, 'USAGE')
    AND has_table_privilege(c.oid, 'SELECT')
