-- How many active sessions are not orphaned, and the silence, in seconds, that 5 % of them reach.
-- Sessions without any time have no silence, and are not counted.
SELECT
    pg_catalog.count(l.silence)::int8,
    pg_catalog.percentile_disc('0.05'::float8) WITHIN GROUP (ORDER BY l.silence DESC)
FROM (
    SELECT extract(epoch FROM pg_catalog.now() - {last_seen})::float8 AS silence
    FROM {table} AS s
    WHERE {rows}
        AND ({orphaned}) IS NOT TRUE
) AS l
