-- Whether a role exists, may connect to this database, and sees the sessions of others. NULL is unknown,
-- because the role does not exist.
SELECT
    r.oid IS NOT NULL,
    coalesce(pg_catalog.has_database_privilege(r.oid, d.oid, 'CONNECT'::text), false),
    coalesce(pg_catalog.pg_has_role(r.oid, 'pg_read_all_stats'::name, 'USAGE'::text), false)
FROM pg_database AS d
LEFT JOIN pg_roles AS r ON r.rolname = {role}::name
WHERE d.datname = pg_catalog.current_database()
