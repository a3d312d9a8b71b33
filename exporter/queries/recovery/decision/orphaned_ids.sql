-- The newest orphaned sessions, and the database's clock: not the transaction time, which is that of the
-- message, in which other transactions may precede this one.
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
