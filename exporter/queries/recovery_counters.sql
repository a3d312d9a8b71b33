-- What the audit table has of a source since this exporter started, whoever wrote it.
SELECT
    count(*) FILTER (WHERE number > {since} AND trigger = 'auto'),
    count(*) FILTER (WHERE number > {since} AND trigger = 'manual'),
    count(*) FILTER (WHERE number > {since} AND trigger = 'close'),
    count(*) FILTER (WHERE undone_at >= {started}),
    count(*) FILTER (WHERE contradicted_at >= {started}),
    coalesce(max(number), 0)
FROM session_exporter.recovery
WHERE source = {source}
