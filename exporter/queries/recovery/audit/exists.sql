-- Whether the audit table exists, also for a role that may not use its schema.
SELECT EXISTS (
    SELECT FROM pg_class AS c
    JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE n.nspname = 'session_exporter' AND c.relname = 'recovery' AND c.relkind = 'r'
)
