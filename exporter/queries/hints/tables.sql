-- The tables and views of a database, to find what a wrong name was meant to be.
SELECT n.nspname::text, c.relname::text
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')
    AND n.nspname <> 'information_schema' AND NOT pg_catalog.starts_with(n.nspname, 'pg_')
ORDER BY c.relname, n.nspname
LIMIT 10000
