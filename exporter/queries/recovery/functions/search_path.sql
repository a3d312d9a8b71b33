-- The schemas in which unqualified names are looked up by this role, in order. A temporary schema must
-- not come first.
SELECT
    ARRAY(
        SELECT p.name
        FROM pg_catalog.unnest(pg_catalog.current_schemas(true)) WITH ORDINALITY AS p (name, number)
        WHERE p.name NOT LIKE 'pg\_temp%'::text AND p.name NOT LIKE 'pg\_toast%'::text
        ORDER BY p.number
    )::text[]
