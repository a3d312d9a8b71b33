-- Which of these names are tables or views; a name without a schema is resolved by the search path.
SELECT n.nspname, c.relname
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')
    AND (
        (n.nspname, c.relname) IN ({qualified})
        OR (c.relname IN ({plain}) AND pg_catalog.pg_table_is_visible(c.oid))
    )
ORDER BY n.nspname, c.relname
