-- The rights of a role to write to tables of the audit beyond the needs of session-exporter's roles, as
-- privilege and columns, by table; no row if it owns the table, as a superuser does.
WITH audit AS (
    SELECT c.oid, c.relname::text AS name
    FROM pg_class AS c
    JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE n.nspname = 'session_exporter' AND c.relname IN ({tables}) AND c.relkind = 'r'
        AND NOT pg_catalog.pg_has_role({role}::name, c.relowner, 'USAGE'::text)
)
SELECT c.name, p.privilege, pg_catalog.array_agg(a.attname::text ORDER BY a.attnum)
FROM audit AS c
JOIN (VALUES {needed}) AS p (name, privilege, columns) ON p.name = c.name
JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0::int2 AND NOT a.attisdropped
WHERE a.attname::text <> ALL (p.columns)
    AND pg_catalog.has_column_privilege({role}::name, c.oid, a.attnum, p.privilege)
GROUP BY c.name, p.privilege
UNION ALL
SELECT c.name, p.privilege, ARRAY[]::text[]
FROM audit AS c
CROSS JOIN pg_catalog.unnest(ARRAY['DELETE'::text, 'TRUNCATE'::text]) AS p (privilege)
WHERE pg_catalog.has_table_privilege({role}::name, c.oid, p.privilege)
ORDER BY 1, 2
