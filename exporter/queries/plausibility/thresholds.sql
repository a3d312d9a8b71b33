-- For the active sessions with a time: their number, the number without a usable threshold, and of the
-- others the shortest, median and longest threshold, in seconds.
SELECT
    pg_catalog.count(*)::int8,
    pg_catalog.count(*) FILTER (WHERE t.session_exporter_seconds IS NULL)::int8,
    pg_catalog.min(t.session_exporter_seconds),
    pg_catalog.percentile_disc('0.5'::float8) WITHIN GROUP (ORDER BY t.session_exporter_seconds),
    pg_catalog.max(t.session_exporter_seconds)
FROM (
    SELECT {seconds} AS session_exporter_seconds
    FROM {table} AS s
    WHERE {rows}
        AND {last_seen} IS NOT NULL
) AS t
