-- Deletes rows that are older than the audit is kept, a thousand at a time.
DELETE FROM session_exporter.recovery
WHERE number IN (
    SELECT number FROM session_exporter.recovery
    WHERE source = {source} AND at < pg_catalog.now() - {keep}
    ORDER BY number
    LIMIT 1000
)
RETURNING number
