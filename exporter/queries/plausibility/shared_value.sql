-- The most frequent value of active rows in a time column, and its count, if it is an implausible time:
-- longer ago than the threshold, or in the future.
SELECT session_exporter_value::pg_catalog.text, session_exporter_count, session_exporter_rows
FROM (
    SELECT
        session_exporter_value,
        pg_catalog.min(session_exporter_time) AS session_exporter_time,
        pg_catalog.count(*) AS session_exporter_count,
        (pg_catalog.sum(pg_catalog.count(*)) OVER ())::int8 AS session_exporter_rows
    FROM (
        SELECT ({value}) AS session_exporter_value, ({time}) AS session_exporter_time
        FROM {table} AS s
        WHERE {rows}
    ) AS v
    GROUP BY session_exporter_value
) AS g
WHERE session_exporter_count >= 3::int8
    AND session_exporter_count * 2::int8 > session_exporter_rows
    AND NOT session_exporter_time BETWEEN pg_catalog.now() - {silence} AND pg_catalog.now() + {ahead}
