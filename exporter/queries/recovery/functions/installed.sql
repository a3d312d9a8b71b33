-- Functions as the catalog has them: whose they are by their comment, what they take, how they run,
-- and who may call them. Takes no rights.
-- The arguments that have no default come first; the modes are missing where all of them are input.
SELECT
    n.nspname,
    p.proname,
    pg_get_function_identity_arguments(p.oid),
    p.prokind::text,
    ARRAY(
        SELECT coalesce(p.proargnames[i.number], '')
        FROM generate_series(1, coalesce(array_length(p.proallargtypes, 1), p.pronargs)) AS i (number)
        WHERE coalesce(p.proargmodes[i.number], 'i') IN ('i', 'b', 'v')
        ORDER BY i.number
    )::text[],
    (p.pronargs - p.pronargdefaults)::int4,
    p.prosecdef,
    p.provolatile::text,
    coalesce(p.proconfig, ARRAY[]::text[]),
    p.prosrc,
    coalesce(obj_description(p.oid, 'pg_proc'), ''),
    has_schema_privilege(n.oid, 'USAGE') AND has_function_privilege(p.oid, 'EXECUTE'),
    has_function_privilege('public', p.oid, 'EXECUTE')
FROM pg_proc AS p
JOIN pg_namespace AS n ON n.oid = p.pronamespace
WHERE {in_schema} AND {named}
ORDER BY {exact_schema} DESC, {exact} DESC, p.oid
