-- The orphaned sessions, longest silent first; by thresholds of their own, longest orphaned first.
-- Without last_seen_at the order is that of the start itself, so that an index on the start
-- WHERE <active> gives it and only the rows shown are read from the table.
WITH {clock}
SELECT
    {columns}
FROM {table} AS s
WHERE {rows}
    AND {orphaned}
ORDER BY {order}
LIMIT {limit}
