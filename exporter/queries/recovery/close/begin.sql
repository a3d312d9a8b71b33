-- The settings of one recovery transaction, for it alone: an application never waits long for it.
SELECT
    set_config('lock_timeout', '250ms', true),
    set_config('statement_timeout', '2s', true),
    set_config('idle_in_transaction_session_timeout', '1s', true),
    set_config('row_security', {row_security}, true),
    set_config('TimeZone', {timezone}, true),
    set_config('extra_float_digits', '1', true), -- or undo would round
    set_config('jit', 'off', true),
    current_setting('transaction_read_only')::boolean,
    pg_is_in_recovery()
