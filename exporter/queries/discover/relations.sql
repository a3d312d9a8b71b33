-- The tables and views after an oid, {most} at most. Partitions, children and what belongs to PostgreSQL or
-- to an extension are left out. In pages by oid, so that no statement takes long.
SELECT r.oid::int8, n.nspname::text, r.relname::text, r.relkind::text, r.reltuples::float8, r.relpages::int8
FROM pg_class AS r
JOIN pg_namespace AS n ON n.oid = r.relnamespace
WHERE r.oid > {after}::oid
    AND r.relkind IN ('r', 'p', 'v', 'm', 'f')
    AND NOT r.relispartition
    AND NOT pg_catalog.starts_with(n.nspname::text, 'pg_')
    AND NOT pg_catalog.starts_with(n.nspname::text, '_timescaledb_')
    AND n.nspname NOT IN ('information_schema', 'session_exporter', 'cron', 'repack')
    AND NOT EXISTS (SELECT FROM pg_inherits AS i WHERE i.inhrelid = r.oid)
    AND NOT EXISTS (
        SELECT
        FROM pg_depend AS d
        WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = r.oid AND d.deptype = 'e'
    )
ORDER BY r.oid
LIMIT {most}::int8
