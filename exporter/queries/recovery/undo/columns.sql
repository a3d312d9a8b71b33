-- The columns that a run has written, which may differ from those of the present config.
SELECT DISTINCT pg_catalog.jsonb_object_keys(a.before)
FROM session_exporter.recovery AS a
WHERE a.run = {run}::uuid
    AND {is_trusted}
ORDER BY 1
