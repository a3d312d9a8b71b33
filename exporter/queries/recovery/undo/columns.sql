-- The columns that a run has written: those of its own time, whatever the config writes by now.
SELECT DISTINCT pg_catalog.jsonb_object_keys(a.before)
FROM session_exporter.recovery AS a
WHERE a.run = {run}::uuid
    AND {is_trusted}
ORDER BY 1
