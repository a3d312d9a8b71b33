-- The tables locked by a backend that still runs one of our messages long after its deadline, in the
-- transaction in which it hangs. The message is found by its beginning, because behind PgBouncer the
-- process is unknown. A row without a table: it has locked none. No row: nothing hangs.
SELECT n.nspname, c.relname
FROM pg_stat_activity AS a
LEFT JOIN (
    pg_locks AS l
    JOIN pg_class AS c ON c.oid = l.relation AND c.relkind <> 'i'
    JOIN pg_namespace AS n ON n.oid = c.relnamespace
) ON l.pid = a.pid AND l.granted AND l.database = a.datid
WHERE a.datname = pg_catalog.current_database()
    AND a.usename = CURRENT_USER
    AND a.state = 'active'
    AND pg_catalog.starts_with(a.query, {comment})
    AND a.query_start < pg_catalog.clock_timestamp() - {seconds}::interval
