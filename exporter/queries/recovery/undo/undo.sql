-- Restores the old values if the row still has the values that recovery wrote, and records it.
WITH session_exporter_restored AS (
    UPDATE {table} AS s
    SET ({columns}) = ({restored})
    FROM (
        SELECT * FROM session_exporter.recovery AS a
        WHERE a.number IN ({numbers})
        OFFSET 0 -- first: what else is in the audit may be no such id
    ) AS a
    WHERE {is_of_audit}
        AND a.undone_at IS NULL
        AND {is_trusted}
        AND NOT {is_other_id}
        AND {is_unchanged}
    RETURNING a.number AS session_exporter_number
)
UPDATE session_exporter.recovery AS a
SET undone_at = pg_catalog.now(), undo_reason = {reason}
FROM session_exporter_restored
WHERE a.number = session_exporter_number
RETURNING a.number
