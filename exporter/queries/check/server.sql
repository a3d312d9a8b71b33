-- The role, the database, the version, whether it is a standby, the present time, and whether
-- GSSAPI encrypts the connection, which libpq does not report.
SELECT
    current_user::text,
    pg_catalog.current_database()::text,
    pg_catalog.current_setting('server_version'),
    pg_catalog.pg_is_in_recovery(),
    extract(epoch FROM pg_catalog.clock_timestamp())::float8,
    EXISTS (
        SELECT FROM pg_catalog.pg_stat_gssapi AS g
        WHERE g.pid OPERATOR(pg_catalog.=) pg_catalog.pg_backend_pid() AND g.encrypted
    )
