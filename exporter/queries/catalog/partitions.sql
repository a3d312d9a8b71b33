-- A partitioned table and all its partitions, parents before children.
SELECT n.nspname, c.relname, pn.nspname, p.relname, t.isleaf
FROM pg_partition_tree({oid}) AS t
JOIN pg_class AS c ON c.oid = t.relid
JOIN pg_namespace AS n ON n.oid = c.relnamespace
LEFT JOIN pg_class AS p ON p.oid = t.parentrelid AND t.level > 0
LEFT JOIN pg_namespace AS pn ON pn.oid = p.relnamespace
ORDER BY t.level, c.relname
