-- Whether row-level security limits what this role may update in a table, whether any policy lets it
-- update something, and which policies do not let it update everything.
SELECT
    pg_catalog.row_security_active({oid}::oid),
    coalesce(pg_catalog.bool_or(p.polpermissive), false),
    pg_catalog.array_agg(pg_catalog.quote_ident(p.polname) ORDER BY p.polname) FILTER (
        WHERE pg_catalog.pg_get_expr(p.polqual, p.polrelid) IS DISTINCT FROM 'true'
            OR coalesce(pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid), 'true') <> 'true'
    )
FROM (VALUES ({oid}::oid)) AS t (oid)
LEFT JOIN pg_policy AS p
    ON p.polrelid = t.oid
    AND p.polcmd IN ('w', '*')
    AND EXISTS (
        SELECT FROM pg_catalog.unnest(p.polroles) AS r (oid)
        WHERE CASE r.oid WHEN 0::oid THEN true ELSE pg_catalog.pg_has_role(r.oid, 'USAGE') END
    )
