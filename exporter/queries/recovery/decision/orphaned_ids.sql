-- The newest orphaned sessions, and the database's clock: not the time of the transaction, which is that of
-- the message, and other transactions may come before it there.
WITH {clock}
SELECT
    extract(epoch FROM {now})::float8,
    ARRAY(
        SELECT {key}
        FROM {table} AS s
        WHERE {rows} AND {orphaned} AND NOT {alive} AND {has_id}
        ORDER BY {last_seen} DESC
        LIMIT {most}
    )
