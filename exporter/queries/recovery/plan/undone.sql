-- How many of the sessions that would be closed now a person has undone before.
SELECT pg_catalog.count(*) FILTER (WHERE u.session_exporter_undone)
FROM (
    SELECT {undone} AS session_exporter_undone
    FROM {table} AS s
    WHERE {recoverable}
        AND {not_backlog}
    {first}
) AS u
