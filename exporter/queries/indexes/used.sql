-- Of the indexes that a plan named: the first column as EXPLAIN has it, but for parentheses around it,
-- and the predicate.
SELECT n.nspname, c.relname, pg_catalog.pg_get_indexdef(i.indexrelid, 1, false),
    pg_catalog.pg_get_expr(i.indpred, i.indrelid)
FROM pg_index AS i
JOIN pg_class AS c ON c.oid = i.indexrelid
JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE (n.nspname, c.relname) IN ({names})
