-- The rights that a role needs and does not have, by number; for a right on columns, the missing
-- columns. Read from the catalog, because a role without USAGE on a schema cannot name a table in it.
-- Missing objects are not listed.
WITH needed (number, privilege, schema_name, table_name, column_names, function) AS (
    VALUES
    {needed}
)
SELECT r.number, ARRAY[]::text[] AS missing
FROM needed AS r
JOIN pg_namespace AS n ON n.nspname = r.schema_name
WHERE r.table_name IS NULL AND r.function IS NULL
    AND NOT pg_catalog.has_schema_privilege({role}, n.oid, r.privilege)
UNION ALL
SELECT r.number, ARRAY[]::text[]
FROM needed AS r
JOIN pg_namespace AS n ON n.nspname = r.schema_name
JOIN pg_class AS c ON c.relnamespace = n.oid AND c.relname = r.table_name
WHERE pg_catalog.cardinality(r.column_names) = 0
    AND NOT pg_catalog.has_table_privilege({role}, c.oid, r.privilege)
UNION ALL
SELECT r.number, pg_catalog.array_agg(w.name ORDER BY w.position)
FROM needed AS r
JOIN pg_namespace AS n ON n.nspname = r.schema_name
JOIN pg_class AS c ON c.relnamespace = n.oid AND c.relname = r.table_name
CROSS JOIN pg_catalog.unnest(r.column_names) WITH ORDINALITY AS w (name, position)
JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attname = w.name AND NOT a.attisdropped
WHERE NOT pg_catalog.has_column_privilege({role}, c.oid, a.attnum, r.privilege)
GROUP BY r.number
UNION ALL
SELECT r.number, ARRAY[]::text[]
FROM needed AS r
JOIN pg_namespace AS n ON n.nspname = r.schema_name
JOIN pg_proc AS p ON p.pronamespace = n.oid
    AND r.function = pg_catalog.format(
        '%I.%I(%s)', n.nspname, p.proname, pg_catalog.oidvectortypes(p.proargtypes)
    )
WHERE NOT pg_catalog.has_function_privilege({role}, p.oid, 'EXECUTE')
ORDER BY 1
