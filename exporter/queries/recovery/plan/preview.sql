-- The new values of the sessions that would be closed now, longest silent first.
SELECT
    {short_key},
    extract(epoch FROM {last_seen})::float8,
    extract(epoch FROM pg_catalog.now() - {last_seen})::float8,
    {undone},
    {cause},
    {values},
    {returning}
FROM {table} AS s
CROSS JOIN LATERAL (SELECT ({end}) AS session_exporter_end) AS e
WHERE {recoverable}
    AND {not_backlog}
ORDER BY {order}, {id}
LIMIT {limit}
