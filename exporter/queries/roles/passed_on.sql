-- The rights on tables and views, or on columns of them, that a role has granted to others. A right
-- that was passed on cannot be revoked without CASCADE, which takes it from these others too.
WITH relation AS (
    SELECT c.oid, n.nspname::text AS schema_name, c.relname::text AS name, c.relacl, r.oid AS role
    FROM pg_class AS c
    JOIN pg_namespace AS n ON n.oid = c.relnamespace
    JOIN pg_roles AS r ON r.rolname = {role}::name AND r.oid <> c.relowner
    WHERE c.relkind = ANY ('{{r,p,v,m,f}}'::"char"[])
)
SELECT c.schema_name, c.name, g.privilege_type
FROM relation AS c
CROSS JOIN LATERAL pg_catalog.aclexplode(c.relacl) AS g
WHERE g.grantor = c.role
UNION
SELECT c.schema_name, c.name, g.privilege_type
FROM relation AS c
JOIN pg_attribute AS a ON a.attrelid = c.oid AND NOT a.attisdropped
CROSS JOIN LATERAL pg_catalog.aclexplode(a.attacl) AS g
WHERE g.grantor = c.role
