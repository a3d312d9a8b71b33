-- The rights to read and to update that were granted to a role itself, not to PUBLIC or a role that it is a
-- member of, on tables and views that it does not own: on all of one, and by privilege on some columns. No
-- row where there is no such role.
WITH relation AS (
    SELECT c.oid, n.nspname::text AS schema_name, c.relname::text AS name, c.relacl, r.oid AS role
    FROM pg_class AS c
    JOIN pg_namespace AS n ON n.oid = c.relnamespace
    JOIN pg_roles AS r ON r.rolname = {role}::name AND r.oid <> c.relowner
    WHERE c.relkind = ANY ('{{r,p,v,m,f}}'::"char"[])
        AND NOT pg_catalog.starts_with(n.nspname::text, 'pg_'::text)
        AND n.nspname <> 'information_schema'::name
)
SELECT c.schema_name, c.name, g.privilege_type, ARRAY[]::text[]
FROM relation AS c
CROSS JOIN LATERAL pg_catalog.aclexplode(c.relacl) AS g
WHERE g.grantee = c.role AND g.privilege_type = ANY (ARRAY['SELECT'::text, 'UPDATE'::text])
UNION ALL
SELECT c.schema_name, c.name, g.privilege_type, pg_catalog.array_agg(a.attname::text ORDER BY a.attnum)
FROM relation AS c
JOIN pg_attribute AS a ON a.attrelid = c.oid AND NOT a.attisdropped
CROSS JOIN LATERAL pg_catalog.aclexplode(a.attacl) AS g
WHERE g.grantee = c.role AND g.privilege_type = ANY (ARRAY['SELECT'::text, 'UPDATE'::text])
GROUP BY c.schema_name, c.name, g.privilege_type
ORDER BY 1, 2, 3
