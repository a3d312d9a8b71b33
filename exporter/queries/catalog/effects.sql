-- The functions with effects that a view calls, and those below it that it reads: schema and name of the
-- view, and the function. A materialized view has called them when it was refreshed.
-- The functions stand in the query tree, because dependencies on functions of PostgreSQL itself are not
-- recorded; an operator has its own beside it. Names are those of PostgreSQL, and those of extensions.
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
