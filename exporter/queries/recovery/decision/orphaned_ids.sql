-- The newest orphaned sessions, and the database's clock.
SELECT
    extract(epoch FROM pg_catalog.now())::float8,
    ARRAY(
        SELECT ({id})::text
        FROM {table} AS s
        WHERE {rows} AND {orphaned} AND NOT {alive} AND {id} IS NOT NULL
        ORDER BY {last_seen} DESC
        LIMIT {most}
    )
