-- Which of these names are functions outside of pg_catalog, with aggregates and window functions, and
-- whether PUBLIC may call each. GRANT takes the types of the arguments that a call gives.
-- A name without a schema is resolved by the search path; PostgreSQL's own functions need no right.
SELECT
    n.nspname,
    pg_catalog.format('%I.%I(%s)', n.nspname, p.proname, pg_catalog.oidvectortypes(p.proargtypes)),
    pg_catalog.has_function_privilege('public', p.oid, 'EXECUTE')
FROM pg_proc AS p
JOIN pg_namespace AS n ON n.oid = p.pronamespace
WHERE p.prokind IN ('f', 'a', 'w')
    AND n.nspname NOT IN ('pg_catalog', 'information_schema')
    AND (
        (n.nspname, p.proname) IN ({qualified})
        OR (p.proname IN ({plain}) AND pg_catalog.pg_function_is_visible(p.oid))
    )
ORDER BY 1, 2
