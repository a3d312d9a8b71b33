-- The role, the database, the version, whether it is a standby, and the present time.
SELECT
    current_user::text, current_database()::text, current_setting('server_version'),
    pg_is_in_recovery(), extract(epoch FROM clock_timestamp())::float8
