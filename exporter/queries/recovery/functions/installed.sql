-- Functions in the catalog: arguments, properties, body, comment, owner, and whether this role may call
-- them. It needs no rights.
SELECT
    n.nspname,
    p.proname,
    pg_catalog.oidvectortypes(p.proargtypes),
    l.lanname,
    p.prosecdef,
    p.provolatile::text,
    coalesce(p.proconfig, ARRAY[]::text[]),
    p.prosrc,
    coalesce(pg_catalog.obj_description(p.oid, 'pg_proc'), ''),
    pg_catalog.pg_get_userbyid(p.proowner)::text,
    EXISTS (SELECT FROM pg_roles AS r WHERE r.oid = p.proowner AND r.rolcanlogin),
    pg_catalog.has_function_privilege(p.oid, 'EXECUTE'),
    pg_catalog.has_function_privilege('public', p.oid, 'EXECUTE')
FROM pg_proc AS p
JOIN pg_namespace AS n ON n.oid = p.pronamespace
JOIN pg_language AS l ON l.oid = p.prolang
WHERE {in_schema} AND {named}
ORDER BY {exact_schema} DESC, {exact} DESC, p.oid
