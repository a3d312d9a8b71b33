-- For each relation that a statement reads: whether row-level security filters what this role sees
-- of it, and how the role could write to it. INSERT and UPDATE can be granted for single columns.
-- A plan names partitions; the policies and rights that count are those of the whole table.
SELECT
    pg_catalog.format('%I.%I', n.nspname, c.relname),
    pg_catalog.row_security_active(c.oid),
    ARRAY(
        SELECT privilege
        FROM pg_catalog.unnest(ARRAY['INSERT', 'UPDATE', 'DELETE', 'TRUNCATE']) AS privilege
        WHERE CASE
            WHEN privilege IN ('INSERT', 'UPDATE')
                THEN pg_catalog.has_any_column_privilege(c.oid, privilege)
            ELSE pg_catalog.has_table_privilege(c.oid, privilege)
        END
    )
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.oid = {oid}::oid OR c.oid IN (
    SELECT coalesce(pg_catalog.pg_partition_root(named.oid)::oid, named.oid)
    FROM pg_class AS named
    JOIN pg_namespace AS n ON n.oid = named.relnamespace
    WHERE (n.nspname, named.relname) IN ({names})
)
ORDER BY c.oid <> {oid}::oid, 1
