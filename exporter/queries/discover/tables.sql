-- Of some tables: the comment, whether the role may use the schema, whether row-level security applies to
-- the role, the names of triggers, the number of partitions, and how often rows were inserted, updated
-- and deleted since the statistics began.
SELECT
    c.oid::int8,
    pg_catalog.obj_description(c.oid, 'pg_class'),
    pg_catalog.has_schema_privilege(c.relnamespace, 'USAGE'),
    pg_catalog.row_security_active(c.oid),
    ARRAY(
        SELECT g.tgname::text
        FROM pg_trigger AS g
        WHERE g.tgrelid = c.oid AND NOT g.tgisinternal
        ORDER BY g.tgname
    ),
    (SELECT pg_catalog.count(*) FROM pg_inherits AS i WHERE i.inhparent = c.oid),
    pg_catalog.pg_stat_get_tuples_inserted(c.oid),
    pg_catalog.pg_stat_get_tuples_updated(c.oid),
    pg_catalog.pg_stat_get_tuples_deleted(c.oid)
FROM pg_class AS c
WHERE c.oid = ANY ({oids}::oid[])
