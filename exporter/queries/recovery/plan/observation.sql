-- The sessions that would be closed now, longest silent first, each with what a sign of life would
-- change: the version of its row, and when it was last seen.
SELECT
    ({id})::text, s.xmin::text, extract(epoch FROM {last_seen})::float8
FROM {table} AS s
WHERE {recoverable}
    AND {young}
ORDER BY {order}
