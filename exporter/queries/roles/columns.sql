-- The columns of these tables and views, and whether they are tables, which have system columns besides.
SELECT n.nspname::text, c.relname::text, c.relkind IN ('r', 'p'), pg_catalog.array_agg(a.attname::text ORDER BY a.attnum)
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE (n.nspname, c.relname) IN ({tables})
GROUP BY 1, 2, 3
ORDER BY 1, 2
