-- How many rows the planner would estimate, partitions and children summed, without reading any:
-- rows per page when last analyzed, times the pages there are now (as in src/backend/optimizer/
-- util/plancat.c). NULL, which is unknown, as long as a part that has pages was never analyzed.
WITH RECURSIVE part AS (
    SELECT {table}::regclass::oid AS oid
    UNION ALL
    SELECT i.inhrelid FROM pg_inherits AS i JOIN part ON i.inhparent = part.oid
), sized AS (
    SELECT
        c.relkind, c.reltuples, c.relpages,
        pg_catalog.pg_relation_size(c.oid) / pg_catalog.current_setting('block_size')::int AS pages
    FROM part
    JOIN pg_class AS c ON c.oid = part.oid
    WHERE c.relkind IN ('r', 'm', 'f')
), estimated AS (
    SELECT
        CASE
            WHEN relkind = 'f' THEN nullif(reltuples, '-1')
            WHEN pages = 0 THEN 0
            WHEN reltuples >= '0' AND relpages > 0
                THEN reltuples::float8 / relpages::float8 * pages::float8
        END AS rows
    FROM sized
)
SELECT
    CASE
        WHEN pg_catalog.count(*) = pg_catalog.count(rows)
            THEN coalesce(pg_catalog.round(pg_catalog.sum(rows)::numeric), 0)
    END::float8
FROM estimated
