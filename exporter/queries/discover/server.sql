-- The role, the database, whether the server is a standby, its time zone, the present time, whether the role
-- may read the texts of other roles' statements, the schema of pg_stat_statements, and the backend.
SELECT
    current_user::text,
    pg_catalog.current_database()::text,
    pg_catalog.current_setting('server_version'),
    pg_catalog.pg_is_in_recovery(),
    (SELECT s.reset_val FROM pg_settings AS s WHERE s.name = 'TimeZone'),
    pg_catalog.date_part('epoch', pg_catalog.clock_timestamp()),
    pg_catalog.pg_has_role('pg_read_all_stats', 'USAGE'),
    (
        SELECT pg_catalog.quote_ident(n.nspname)
        FROM pg_extension AS e
        JOIN pg_namespace AS n ON n.oid = e.extnamespace
        WHERE e.extname = 'pg_stat_statements'
    ),
    pg_catalog.pg_backend_pid()
