-- Of the indexes that a plan named: whether each is partial, and its first column.
SELECT c.relname, i.indpred IS NOT NULL, pg_get_indexdef(i.indexrelid, 1, true)
FROM pg_index AS i
JOIN pg_class AS c ON c.oid = i.indexrelid
WHERE c.relname IN ({names})
