-- What a transaction has written to the audit, before it commits.
SELECT a.run, a.number, {audit_key} AS id, a.before, a.after
FROM session_exporter.recovery AS a
WHERE a.run = {run}::uuid
    AND a.source = {source}
ORDER BY a.number
