-- The rights that closing takes and this role does not have, as GRANT names them. Asked of the
-- catalog, because a role without USAGE on a schema may not even look for a table in it.
SELECT format('UPDATE (%I) ON %s', written.name, {table_name})
FROM unnest({columns}::text[]) WITH ORDINALITY AS written (name, position)
WHERE NOT has_column_privilege({oid}::oid, written.name, 'UPDATE')
UNION ALL
SELECT format('USAGE ON SCHEMA %I', n.nspname)
FROM pg_namespace AS n
WHERE n.nspname = 'session_exporter' AND NOT has_schema_privilege(n.oid, 'USAGE')
UNION ALL
SELECT format('%s ON %I.%I', needed.privilege, n.nspname, c.relname)
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
JOIN (
    VALUES
        ('recovery', 'SELECT'), ('recovery', 'INSERT'), ('recovery', 'UPDATE'),
        ('recovery', 'DELETE'), ('pause', 'SELECT')
) AS needed (name, privilege) ON needed.name = c.relname
WHERE n.nspname = 'session_exporter' AND NOT has_table_privilege(c.oid, needed.privilege)
