-- Writes back what was there before, where the row is still the one that recovery left, and notes it.
WITH session_exporter_restored AS (
    UPDATE {table} AS s
    SET ({columns}) = (SELECT {values} FROM pg_catalog.jsonb_to_record(a.before) AS b ({definitions}))
    FROM (
        SELECT * FROM session_exporter.recovery AS a
        WHERE a.number IN ({numbers})
        OFFSET 0 -- first: what else is in the audit may be no such id
    ) AS a
    WHERE {id} {equals} (a.session)::{id_type}
        AND a.undone_at IS NULL
        AND s.xmin::text = a.row_version
    RETURNING a.number AS session_exporter_number
)
UPDATE session_exporter.recovery AS a
SET undone_at = pg_catalog.now()
FROM session_exporter_restored
WHERE a.number = session_exporter_number
RETURNING a.number
