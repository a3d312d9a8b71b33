-- The indexes of a table, its partitions and children that hold one of some columns: as a key, in
-- INCLUDE, in an expression or in the predicate, on all of which the index depends (pg_depend).
-- Excluded are an index that belongs to another of these, as the index of a partition does, an index
-- that no partition has, and a primary key on this column alone, which never changes. From PostgreSQL 16
-- a BRIN index does not prevent HOT updates (its release notes). An invalid index does, as long as it
-- is live. The whole row, which is column 0 of an expression, has no such dependency.
WITH RECURSIVE part AS (
    SELECT {oid}::oid AS oid
    UNION
    SELECT i.inhrelid FROM part JOIN pg_inherits AS i ON i.inhparent = part.oid
)
SELECT n.nspname, c.relname, pg_catalog.array_agg(a.attname::text ORDER BY a.attnum)
FROM part
JOIN pg_index AS i ON i.indrelid = part.oid AND i.indislive
JOIN pg_class AS c ON c.oid = i.indexrelid
JOIN pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_am AS m ON m.oid = c.relam
JOIN pg_attribute AS a ON a.attrelid = i.indrelid
WHERE a.attname IN ({columns})
    AND NOT (i.indisprimary AND i.indnkeyatts = 1 AND a.attnum = i.indkey[0])
    AND (c.relkind = 'i' OR EXISTS (SELECT FROM pg_inherits AS b WHERE b.inhparent = c.oid))
    AND NOT EXISTS (
        SELECT FROM pg_inherits AS above
        JOIN pg_index AS o ON o.indexrelid = above.inhparent
        JOIN part AS p ON p.oid = o.indrelid
        WHERE above.inhrelid = i.indexrelid
    )
    AND (m.amname <> 'brin' OR pg_catalog.current_setting('server_version_num')::int < 160000)
    AND (
        a.attnum = ANY (i.indkey)
        OR EXISTS (
            SELECT FROM pg_depend AS d
            WHERE d.classid = 'pg_class'::regclass::oid AND d.objid = i.indexrelid
                AND d.refclassid = 'pg_class'::regclass::oid AND d.refobjid = i.indrelid
                AND d.refobjsubid = a.attnum
        )
        OR pg_catalog.concat(i.indexprs, i.indpred) LIKE '%:varattno 0 %'
    )
GROUP BY n.nspname, c.relname
ORDER BY n.nspname, c.relname
