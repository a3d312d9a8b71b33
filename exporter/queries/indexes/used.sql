-- Of the indexes that a plan named: whether each is partial, and its first column as EXPLAIN has it,
-- but for parentheses around it.
SELECT n.nspname, c.relname, i.indpred IS NOT NULL, pg_get_indexdef(i.indexrelid, 1, false)
FROM pg_index AS i
JOIN pg_class AS c ON c.oid = i.indexrelid
JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE (n.nspname, c.relname) IN ({names})
