-- How each session of a run is now, compared with how it was left. The version of a row is its xmin:
-- whatever is written to it, even the same values, gives it another one.
SELECT
    a.number,
    a.session,
    CASE
        WHEN a.undone_at IS NOT NULL THEN 'undone'
        WHEN s.ctid IS NULL THEN 'gone'
        WHEN s.xmin::text = a.row_version THEN 'same'
        ELSE 'changed'
    END
FROM session_exporter.recovery AS a
LEFT JOIN {table} AS s ON {id} {equals} (a.session)::{id_type}
WHERE a.run = {run}::uuid
ORDER BY a.number
