-- The search path that is set for a role in this database, as stored, and the schemas of the path of this
-- connection, quoted and unquoted. Schemas that expressions cannot use are excluded: they have no relation
-- or function of a name in an expression, and no types, operators or collations. Row types belong to
-- relations, and arrays to their element types.
WITH used AS MATERIALIZED (
    SELECT n.nspname::text AS name, p.number
    FROM pg_catalog.unnest(pg_catalog.current_schemas(false)) WITH ORDINALITY AS p (name, number)
    JOIN pg_namespace AS n ON n.nspname = p.name
    WHERE n.nspname <> 'pg_catalog'
        AND NOT pg_catalog.starts_with(n.nspname::text, 'pg_temp'::text)
        AND (
            {whole}
            OR EXISTS (
                SELECT FROM pg_class AS c
                WHERE c.relnamespace = n.oid AND c.relname::text = ANY ({names}::text[])
            )
            OR EXISTS (
                SELECT FROM pg_proc AS c
                WHERE c.pronamespace = n.oid AND c.proname::text = ANY ({names}::text[])
            )
            OR EXISTS (
                SELECT FROM pg_type AS t
                WHERE t.typnamespace = n.oid AND t.typtype <> 'c'
                    AND NOT EXISTS (SELECT FROM pg_type AS e WHERE e.typarray = t.oid)
            )
            OR EXISTS (SELECT FROM pg_operator AS c WHERE c.oprnamespace = n.oid)
            OR EXISTS (SELECT FROM pg_collation AS c WHERE c.collnamespace = n.oid)
            OR EXISTS (SELECT FROM pg_ts_config AS c WHERE c.cfgnamespace = n.oid)
            OR EXISTS (SELECT FROM pg_ts_dict AS c WHERE c.dictnamespace = n.oid)
        )
)
SELECT
    current_user = {role}::name,
    (
        SELECT pg_catalog.substr(c.setting, pg_catalog.length('search_path='::text) + 1)
        FROM pg_db_role_setting AS s
        JOIN pg_roles AS r ON r.oid = s.setrole AND r.rolname = {role}::name
        JOIN pg_database AS d ON d.datname = pg_catalog.current_database()
        CROSS JOIN LATERAL pg_catalog.unnest(s.setconfig) AS c (setting)
        WHERE s.setdatabase IN ('0'::oid, d.oid)
            AND pg_catalog.starts_with(c.setting, 'search_path='::text)
        ORDER BY s.setdatabase DESC
        LIMIT 1
    ),
    ARRAY(SELECT pg_catalog.quote_ident(name) FROM used ORDER BY number)::text[],
    ARRAY(SELECT name FROM used ORDER BY number)::text[]
