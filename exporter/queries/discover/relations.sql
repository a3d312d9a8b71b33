-- The tables and views after an oid, {most} at most, with the names and types of their columns; a domain is
-- the type below it. Partitions, children and what belongs to PostgreSQL or to an extension are left out.
-- In pages by oid, so that no statement takes long in a database with 10,000 tables.
SELECT
    c.oid::int8,
    c.nspname::text,
    c.relname::text,
    c.relkind::text,
    c.reltuples::float8,
    c.relpages::int8,
    pg_catalog.array_agg(a.attname::text ORDER BY a.attnum),
    pg_catalog.array_agg(coalesce(b.typname, t.typname)::text ORDER BY a.attnum),
    pg_catalog.array_agg(coalesce(b.typtype, t.typtype)::text ORDER BY a.attnum),
    pg_catalog.array_agg(a.attnotnull OR t.typnotnull ORDER BY a.attnum)
FROM (
    SELECT r.oid, n.nspname, r.relname, r.relkind, r.reltuples, r.relpages
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
) AS c
JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_type AS t ON t.oid = a.atttypid
LEFT JOIN pg_type AS b ON b.oid = t.typbasetype
GROUP BY c.oid, c.nspname, c.relname, c.relkind, c.reltuples, c.relpages
ORDER BY c.oid
