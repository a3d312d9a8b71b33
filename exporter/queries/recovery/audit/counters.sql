-- The events in the audit of a source since a mark: each once for every row.
-- Numbers and times are those of transactions that may commit late, so the marks are a minute back, and
-- the reader skips events that it has already counted. A session that shows life after it was undone
-- does not count as contradicted.
SELECT 'recovered', trigger, number
FROM session_exporter.recovery
WHERE source = {source} AND number > {number}
UNION ALL
SELECT 'undone', trigger, number
FROM session_exporter.recovery
WHERE source = {source} AND undone_at > pg_catalog.to_timestamp({time})
UNION ALL
SELECT 'contradicted', trigger, number
FROM session_exporter.recovery
WHERE source = {source}
    AND contradicted_at > pg_catalog.to_timestamp({time})
    AND coalesce(contradicted_at < undone_at, true)
