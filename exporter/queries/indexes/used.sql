-- Of the indexes that plans named: the first column as EXPLAIN has it, but for parentheses around it, and
-- the predicate. Each row begins with the number of the table whose plan it was.
SELECT
    used.number, n.nspname, c.relname, pg_catalog.pg_get_indexdef(i.indexrelid, 1, false),
    pg_catalog.pg_get_expr(i.indpred, i.indrelid)
FROM (
    VALUES
    {names}
) AS used (number, schema, name)
JOIN pg_namespace AS n ON n.nspname = used.schema
JOIN pg_class AS c ON c.relnamespace = n.oid AND c.relname = used.name
JOIN pg_index AS i ON i.indexrelid = c.oid
