-- The settings of one collection, for its transaction alone, and what the server is.
-- set_config(…, true) is SET LOCAL: nothing remains on a connection that PgBouncer shares.
-- On a standby the lag is 0 while everything received is replayed and the receiver runs: an idle
-- primary is not lag. Where a commit was replayed since the start, it is at most as old as that;
-- where none was, the age of the data is unknown: infinity.
-- The last two columns are how far it has received, while it does, and replayed: bytes of WAL.
SELECT
    set_config('statement_timeout', {statement_timeout}, true),
    set_config('lock_timeout', {lock_timeout}, true),
    set_config('idle_in_transaction_session_timeout', {statement_timeout}, true),
    set_config('row_security', {row_security}, true),
    set_config('max_parallel_workers_per_gather', '0', true),
    set_config('jit', 'off', true),
    set_config('TimeZone', {timezone}, true),
    CASE
        WHEN NOT pg_is_in_recovery() THEN NULL
        WHEN pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn()
            AND EXISTS (SELECT FROM pg_stat_wal_receiver) THEN 0
        ELSE coalesce(
            extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp())::float8,
            'infinity'
        )
    END::float8,
    CASE
        WHEN pg_is_in_recovery() AND EXISTS (SELECT FROM pg_stat_wal_receiver)
        THEN (pg_last_wal_receive_lsn() - '0/0')::bigint
    END,
    CASE WHEN pg_is_in_recovery() THEN (pg_last_wal_replay_lsn() - '0/0')::bigint END
