-- The sessions of a run for an id, as in the audit.
SELECT {audit_key}
FROM (
    SELECT * FROM session_exporter.recovery AS a
    WHERE a.run = {run}::uuid
    OFFSET 0 -- first: what else is in the audit may be no such id
) AS a
WHERE {named}
