-- The role that owns a function, with whose rights it runs. Takes no rights.
SELECT pg_get_userbyid(p.proowner)::text
FROM pg_proc AS p
JOIN pg_namespace AS n ON n.oid = p.pronamespace
WHERE n.nspname = {schema} AND p.proname = {function}
    AND pg_get_function_identity_arguments(p.oid) = {arguments}
