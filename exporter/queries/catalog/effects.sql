-- The functions with side effects that a view, or a view below it, calls: schema and name of the view,
-- and the function. A materialized view calls them only when it is refreshed.
-- The functions are read from the query tree, because dependencies on functions of PostgreSQL itself
-- are not recorded; the tree has the function of each operator. Names of extensions are included.
WITH RECURSIVE views AS (
    SELECT c.oid
    FROM pg_class AS c
    WHERE c.oid = {oid}::oid AND c.relkind = 'v'
    UNION
    SELECT c.oid
    FROM views AS v
    JOIN pg_rewrite AS r ON r.ev_class = v.oid
    JOIN pg_depend AS d ON d.objid = r.oid
    JOIN pg_class AS c ON c.oid = d.refobjid
    WHERE d.classid = 'pg_catalog.pg_rewrite'::regclass
        AND d.refclassid = 'pg_catalog.pg_class'::regclass
        AND c.relkind = 'v'
)
SELECT DISTINCT n.nspname::text, c.relname::text, p.proname::text
FROM views AS v
JOIN pg_class AS c ON c.oid = v.oid
JOIN pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_rewrite AS r ON r.ev_class = v.oid
CROSS JOIN LATERAL pg_catalog.regexp_matches(r.ev_action::text, ':(?:op)?funcid (\d+) ', 'g') AS m (found)
JOIN pg_proc AS p ON p.oid = m.found[1]::oid
WHERE r.ev_type = '1'
    AND p.proname::text OPERATOR(pg_catalog.~) {names}
    AND (
        p.pronamespace = 'pg_catalog'::regnamespace
        OR EXISTS (
            SELECT FROM pg_depend AS e
            WHERE e.classid = 'pg_catalog.pg_proc'::regclass
                AND e.objid = p.oid
                AND e.deptype = 'e'
        )
    )
ORDER BY 1, 2, 3
