-- How many sessions started within a time, counted up to a number.
SELECT pg_catalog.count(*)
FROM (
    SELECT
    FROM {table} AS s
    WHERE {exists}
        AND ({started})
    LIMIT {most}
) AS started
