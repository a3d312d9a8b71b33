-- How many of the sessions that would be closed now would get an end that is still to come.
SELECT pg_catalog.count(*) FILTER (WHERE e.session_exporter_end > pg_catalog.now())
FROM (
    SELECT ({end}) AS session_exporter_end
    FROM {table} AS s
    WHERE {recoverable}
        AND {young}
    {first}
) AS e
