-- The rights that closing takes and this role does not have, as GRANT names them. Asked of the
-- catalog, because a role without USAGE on a schema may not even look for a table in it.
SELECT format('UPDATE (%s) ON %s', string_agg(quote_ident(name), ', ' ORDER BY n), {table_name})
FROM unnest({columns}::text[]) WITH ORDINALITY AS written (name, n)
WHERE NOT has_column_privilege({oid}::oid, name, 'UPDATE')
HAVING count(*) > 0
UNION ALL
SELECT format('USAGE ON SCHEMA %I', n.nspname)
FROM pg_namespace AS n
WHERE n.nspname = 'session_exporter' AND NOT has_schema_privilege(n.oid, 'USAGE')
UNION ALL
SELECT format('%s ON %I.%I', needed.privilege, n.nspname, c.relname)
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
JOIN (VALUES {on_tables}) AS needed (relation, privilege) ON needed.relation = c.relname
WHERE n.nspname = 'session_exporter' AND NOT has_table_privilege(c.oid, needed.privilege)
UNION ALL
SELECT format('UPDATE (%I) ON %I.%I', a.attname, n.nspname, c.relname)
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attname IN ({noted})
WHERE n.nspname = 'session_exporter' AND c.relname = 'recovery'
    AND NOT has_column_privilege(c.oid, a.attnum, 'UPDATE')
