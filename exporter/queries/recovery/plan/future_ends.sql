-- How many of the sessions that would be closed now would get an end in the future.
SELECT pg_catalog.count(*) FILTER (WHERE f.session_exporter_is_ahead)
FROM (
    SELECT {is_ahead} AS session_exporter_is_ahead
    FROM {table} AS s
    CROSS JOIN LATERAL (SELECT ({end}) AS session_exporter_end) AS e
    WHERE {recoverable}
        AND {not_backlog}
    {first}
) AS f
