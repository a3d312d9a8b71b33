-- The active sessions by category: the reasons that prevent recovery of an orphaned session are checked
-- in this order. CASE, because later conditions are not evaluated then. The longest threshold is
-- computed only if each row has its own.
SELECT
    CASE
        WHEN {is_unknown} THEN 'unknown'
        WHEN {last_seen} >= pg_catalog.now() - {quiet} THEN 'live'
        WHEN ({orphaned}) IS NOT TRUE THEN 'quiet'
        WHEN {alive} THEN 'alive'
        WHEN NOT {has_id} THEN 'nameless'
        WHEN {exempt} THEN 'exempt'
        WHEN ({end}) IS NULL THEN 'endless'
        WHEN {backlog} THEN 'backlog'
        ELSE 'ready'
    END AS session_exporter_category,
    pg_catalog.count(*) AS session_exporter_count,
    pg_catalog.count(*) FILTER (WHERE {beating}) AS session_exporter_beating,
    {longest} AS session_exporter_longest
FROM {table} AS s
WHERE {rows}
GROUP BY session_exporter_category
