-- Locks the sessions that may be undone, so that the next statement sees what anybody did before.
SELECT 1
FROM {table} AS s
WHERE {id} IN (
    SELECT (a.session)::{id_type} FROM session_exporter.recovery AS a WHERE a.number IN ({numbers})
)
FOR UPDATE OF s SKIP LOCKED
