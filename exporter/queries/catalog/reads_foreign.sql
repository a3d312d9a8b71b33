-- Whether reading a relation reads a foreign table: it is one, or a view or a partitioned table above one.
WITH RECURSIVE below AS (
    SELECT {oid}::oid AS oid
    UNION
    SELECT found.oid
    FROM below AS b
    CROSS JOIN LATERAL (
        SELECT d.refobjid AS oid
        FROM pg_rewrite AS r
        JOIN pg_depend AS d ON d.objid = r.oid
        WHERE r.ev_class = b.oid
            AND d.classid = 'pg_catalog.pg_rewrite'::regclass
            AND d.refclassid = 'pg_catalog.pg_class'::regclass
        UNION ALL
        SELECT i.inhrelid FROM pg_inherits AS i WHERE i.inhparent = b.oid
    ) AS found
)
SELECT EXISTS (
    SELECT FROM below AS b JOIN pg_class AS c ON c.oid = b.oid WHERE c.relkind = 'f'
)
