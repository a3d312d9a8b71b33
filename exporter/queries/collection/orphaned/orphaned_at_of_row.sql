-- The same for the row `s`. OFFSET 0 keeps its expressions from being evaluated at each use.
(
    SELECT
    {orphaned_at}
    FROM (
        SELECT {last_seen} AS session_exporter_seen, {threshold} AS session_exporter_after
        OFFSET 0
    ) AS l
)
