-- Who we are, where, and what the server is. The clock is that of this very moment.
SELECT
    current_user::text, current_database()::text, current_setting('server_version'),
    pg_is_in_recovery(), extract(epoch FROM clock_timestamp())::float8
