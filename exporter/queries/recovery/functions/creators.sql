-- The roles that may create objects in the schemas of this role's search path: NULL for PUBLIC, which is
-- every role, and then no others. Superusers, the owner of a schema and roles with the owner's rights
-- are excluded.
SELECT n.nspname, r.rolname
FROM pg_catalog.unnest(pg_catalog.current_schemas(true)) WITH ORDINALITY AS p (name, number)
JOIN pg_namespace AS n ON n.nspname = p.name
CROSS JOIN LATERAL (
    SELECT NULL::name AS rolname
    WHERE pg_catalog.has_schema_privilege('public', n.oid, 'CREATE')
    UNION ALL
    SELECT r.rolname
    FROM pg_roles AS r
    WHERE NOT r.rolsuper
        AND NOT pg_catalog.pg_has_role(r.oid, n.nspowner, 'USAGE')
        AND pg_catalog.has_schema_privilege(r.oid, n.oid, 'CREATE')
        AND NOT pg_catalog.has_schema_privilege('public', n.oid, 'CREATE')
) AS r
WHERE p.name NOT LIKE 'pg\_temp%'::text
ORDER BY p.number, r.rolname
