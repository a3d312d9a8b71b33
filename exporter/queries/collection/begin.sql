-- The settings of one collection, for its transaction only, and the state of the server.
-- Nothing remains on a connection that PgBouncer shares. The deadlines come first, because they apply
-- to the following statements; the other settings are one statement, which is cheaper than one each.
-- On a standby the lag is 0 while everything received is replayed and the receiver runs: an idle
-- primary is not lag. Where a commit was replayed since the start, it is at most as old as that;
-- where none was, the age of the data is unknown: infinity.
-- The next two columns are the received (while receiving) and replayed positions in bytes of WAL. The
-- last column is the start of this transaction within a message of several.
-- Operators are qualified, because pg_catalog may not come first in the path yet.
BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY;
SET LOCAL statement_timeout = {statement_timeout};
SET LOCAL lock_timeout = {lock_timeout};
SELECT
    CASE
        WHEN NOT pg_catalog.pg_is_in_recovery() THEN NULL
        WHEN pg_catalog.pg_last_wal_receive_lsn()
                OPERATOR(pg_catalog.=) pg_catalog.pg_last_wal_replay_lsn()
            AND (pg_catalog.pg_stat_get_wal_receiver()).pid IS NOT NULL THEN 0
        ELSE coalesce(
            pg_catalog.date_part(
                'epoch',
                pg_catalog.clock_timestamp()
                    OPERATOR(pg_catalog.-) pg_catalog.pg_last_xact_replay_timestamp()
            ),
            'infinity'
        )
    END,
    CASE
        WHEN pg_catalog.pg_is_in_recovery()
            AND (pg_catalog.pg_stat_get_wal_receiver()).pid IS NOT NULL
        THEN (pg_catalog.pg_last_wal_receive_lsn() OPERATOR(pg_catalog.-) '0/0')::bigint
    END,
    CASE
        WHEN pg_catalog.pg_is_in_recovery()
        THEN (pg_catalog.pg_last_wal_replay_lsn() OPERATOR(pg_catalog.-) '0/0')::bigint
    END,
    pg_catalog.concat(
        {path},
        {texts},
        pg_catalog.set_config('idle_in_transaction_session_timeout', {statement_timeout}, true),
        pg_catalog.set_config('row_security', {row_security}, true),
        pg_catalog.set_config('max_parallel_workers_per_gather', '0', true),
        pg_catalog.set_config('jit', 'off', true),
        pg_catalog.set_config('TimeZone', {timezone}, true)
    ),
    pg_catalog.date_part('epoch', pg_catalog.clock_timestamp())
