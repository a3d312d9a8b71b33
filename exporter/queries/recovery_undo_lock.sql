-- Locks the sessions that may be undone, so that the next statement sees what anybody did before; what
-- somebody else works on just now is left alone.
SELECT a.number
FROM session_exporter.recovery AS a
JOIN {table} AS s ON {id} = (a.session)::{id_type}
WHERE a.number IN ({numbers})
FOR UPDATE OF s SKIP LOCKED
