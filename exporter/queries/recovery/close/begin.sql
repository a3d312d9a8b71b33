-- The settings of one recovery transaction, for it alone: an application never waits long for it.
SELECT
    {path},
    pg_catalog.set_config('lock_timeout', '250ms', true),
    pg_catalog.set_config('statement_timeout', '2s', true),
    pg_catalog.set_config('idle_in_transaction_session_timeout', '1s', true),
    pg_catalog.set_config('row_security', {row_security}, true),
    pg_catalog.set_config('TimeZone', {timezone}, true),
    {texts},
    -- The notices of a trigger would wait for a client that does not read, and locks with them.
    pg_catalog.set_config('client_min_messages', 'error', true),
    pg_catalog.set_config('jit', 'off', true),
    pg_catalog.current_setting('transaction_read_only')::pg_catalog.bool,
    pg_catalog.pg_is_in_recovery()
