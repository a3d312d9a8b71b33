-- The relation that a source names, its columns, and whether row-level security is on.
-- An unquoted name finds its exact spelling first, else its lower case, as `s.column` does.
-- Without a schema it is the one that the search path finds.
SELECT
    c.oid::int8, n.nspname, c.relname, c.relkind::text, a.attname,
    format_type(a.atttypid, a.atttypmod), a.attlen::int4,
    EXISTS (SELECT FROM pg_type t WHERE t.oid = a.atttypid AND t.typtype = 'e')
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
LEFT JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.oid = (
    SELECT c.oid
    FROM pg_class AS c
    JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')
        AND {in_schema}
        AND {named}
    ORDER BY {exact_schema} DESC, {exact} DESC
    LIMIT 1
)
ORDER BY a.attnum
