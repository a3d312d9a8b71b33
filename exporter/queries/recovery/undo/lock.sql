-- Locks the sessions that may be undone, so that the next statement sees all earlier changes; rows that
-- another transaction has locked are skipped.
SELECT a.number
FROM (
    SELECT * FROM session_exporter.recovery AS a
    WHERE a.number IN ({numbers})
    OFFSET 0 -- first: what else is in the audit may be no such id
) AS a
JOIN {table} AS s ON {is_of_audit}
FOR UPDATE OF s SKIP LOCKED
