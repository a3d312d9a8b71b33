-- The active sessions by their outcome in a planned stop, and how many of each show life.
-- CASE, because later conditions are not evaluated then.
SELECT
    CASE
        WHEN NOT {in_scope} OR NOT {has_id} THEN 'other'
        WHEN {exempt} THEN 'exempt'
        WHEN {listed} THEN 'listed'
        WHEN ({end}) IS NULL THEN 'endless'
        ELSE 'ready'
    END AS session_exporter_fate,
    pg_catalog.count(*),
    pg_catalog.count(*) FILTER (WHERE {seen_recently})
FROM {table} AS s
WHERE {rows}
GROUP BY session_exporter_fate
