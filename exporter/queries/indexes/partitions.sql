-- A table with its partitions or children, parents before them. A table that inherits from another
-- is not part of it as a partition is, so it has no parent here. A temporary table, or a partition that
-- is being detached, cannot get an index from here.
WITH RECURSIVE part AS (
    SELECT {oid}::oid AS oid, NULL::oid AS parent, 0 AS level
    UNION ALL
    SELECT i.inhrelid, i.inhparent, part.level + 1
    FROM part
    JOIN pg_inherits AS i ON i.inhparent = part.oid AND NOT i.inhdetachpending
), placed AS (
    SELECT oid, pg_catalog.max(parent) AS parent, pg_catalog.max(level) AS level
    FROM part
    GROUP BY oid
)
SELECT n.nspname, c.relname, pn.nspname, p.relname, c.relkind::text
FROM placed
JOIN pg_class AS c ON c.oid = placed.oid AND c.relpersistence <> 't'
JOIN pg_namespace AS n ON n.oid = c.relnamespace
LEFT JOIN pg_class AS p ON p.oid = placed.parent AND c.relispartition
LEFT JOIN pg_namespace AS pn ON pn.oid = p.relnamespace
ORDER BY placed.level, n.nspname, c.relname
