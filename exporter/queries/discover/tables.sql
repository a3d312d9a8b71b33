-- Of some tables: the comment, whether the role may use the schema, whether row-level security applies to
-- the role, the names of triggers, the names of partitions' keys, and the number of partitions.
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
    (SELECT pg_catalog.count(*) FROM pg_inherits AS i WHERE i.inhparent = c.oid)
FROM pg_class AS c
WHERE c.oid = ANY ({oids}::oid[])
