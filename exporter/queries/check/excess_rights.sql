-- What a role may write to the audit beyond what any role of session-exporter needs, as privilege and
-- columns; no row where it owns the audit, as a superuser does.
WITH audit AS (
    SELECT c.oid
    FROM pg_class AS c
    JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE n.nspname = 'session_exporter' AND c.relname = 'recovery' AND c.relkind = 'r'
        AND NOT pg_catalog.pg_has_role({role}::name, c.relowner, 'USAGE'::text)
)
SELECT p.privilege, pg_catalog.array_agg(a.attname::text ORDER BY a.attnum)
FROM audit AS c
CROSS JOIN (VALUES {needed}) AS p (privilege, columns)
JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0::int2 AND NOT a.attisdropped
WHERE a.attname::text <> ALL (p.columns)
    AND pg_catalog.has_column_privilege({role}::name, c.oid, a.attnum, p.privilege)
GROUP BY p.privilege
UNION ALL
SELECT p.privilege, ARRAY[]::text[]
FROM audit AS c
CROSS JOIN pg_catalog.unnest(ARRAY['DELETE'::text, 'TRUNCATE'::text]) AS p (privilege)
WHERE pg_catalog.has_table_privilege({role}::name, c.oid, p.privilege)
ORDER BY 1
