-- Functions as the catalog has them: what they take, how they run, what they do, their comment, their
-- owner, and who may call them. Takes no rights.
SELECT
    n.nspname,
    p.proname,
    oidvectortypes(p.proargtypes),
    l.lanname,
    p.prosecdef,
    p.provolatile::text,
    coalesce(p.proconfig, ARRAY[]::text[]),
    p.prosrc,
    coalesce(obj_description(p.oid, 'pg_proc'), ''),
    pg_get_userbyid(p.proowner)::text,
    has_function_privilege(p.oid, 'EXECUTE'),
    has_function_privilege('public', p.oid, 'EXECUTE')
FROM pg_proc AS p
JOIN pg_namespace AS n ON n.oid = p.pronamespace
JOIN pg_language AS l ON l.oid = p.prolang
WHERE {in_schema} AND {named}
ORDER BY {exact_schema} DESC, {exact} DESC, p.oid
