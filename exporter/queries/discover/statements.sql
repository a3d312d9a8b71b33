-- The statements that update tables of these names, most frequent first, with constants replaced by
-- PostgreSQL itself; they are taken apart and never printed.
SELECT p.query, p.calls
FROM {schema}.pg_stat_statements AS p
JOIN pg_database AS d ON d.oid = p.dbid
WHERE d.datname = pg_catalog.current_database()
    AND p.query OPERATOR(pg_catalog.~*) '^\s*update\s'
    AND p.query OPERATOR(pg_catalog.~*) {names}
ORDER BY p.calls DESC
LIMIT 200
