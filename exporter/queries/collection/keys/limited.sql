-- The keys at their limit of active sessions. A row whose key is NULL is ignored.
-- OFFSET 0 keeps a key from being computed again for each use.
SELECT
    key,
    pg_catalog.count(*) AS active,
    pg_catalog.count(*) FILTER (WHERE is_orphaned) AS orphaned,
    pg_catalog.min(last_seen) FILTER (WHERE is_orphaned) AS oldest_orphan
FROM (
    SELECT
        ({key}) AS key,
        {orphaned} AS is_orphaned,
        {last_seen} AS last_seen
    FROM {table} AS s
    WHERE {rows}
    OFFSET 0
) AS keyed
WHERE key IS NOT NULL
GROUP BY key
HAVING pg_catalog.count(*) >= {max}
