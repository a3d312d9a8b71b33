-- How each session of a run is now, compared with how it was left.
SELECT
    a.number,
    a.session[1],
    CASE
        WHEN a.undone_at IS NOT NULL THEN 'undone'
        WHEN NOT {is_trusted} THEN 'untrusted'
        WHEN s.ctid IS NULL THEN 'gone'
        WHEN {is_unchanged} THEN 'same'
        ELSE 'changed'
    END
FROM session_exporter.recovery AS a
LEFT JOIN {table} AS s ON {is_of_audit}
WHERE a.run = {run}::uuid
ORDER BY a.number
