-- The sessions of a run that an id names, as the audit has them.
SELECT a.session[1]
FROM (
    SELECT * FROM session_exporter.recovery AS a
    WHERE a.run = {run}::uuid
    OFFSET 0 -- first: what else is in the audit may be no such id
) AS a
WHERE (a.session[1])::{id_type} {equals} {named}
