-- The schemas in which unqualified names are looked up by this role, in order, and in which of them
-- every role may create objects. A temporary schema must not come first.
SELECT
    ARRAY(
        SELECT p.name
        FROM unnest(current_schemas(true)) WITH ORDINALITY AS p (name, number)
        WHERE p.name NOT LIKE 'pg\_temp%' AND p.name NOT LIKE 'pg\_toast%'
        ORDER BY p.number
    )::text[],
    ARRAY(
        SELECT p.name
        FROM unnest(current_schemas(true)) AS p (name)
        JOIN pg_namespace AS n ON n.nspname = p.name
        WHERE p.name NOT LIKE 'pg\_temp%' AND has_schema_privilege('public', n.oid, 'CREATE')
    )::text[]
