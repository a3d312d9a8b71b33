-- The role, the database, the version, whether it is a standby, and the present time.
SELECT
    current_user::text,
    pg_catalog.current_database()::text,
    pg_catalog.current_setting('server_version'),
    pg_catalog.pg_is_in_recovery(),
    extract(epoch FROM pg_catalog.clock_timestamp())::float8
