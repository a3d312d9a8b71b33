-- The sessions that look orphaned, longest silent first, each with what would change if it lived:
-- the version of its row, and when it was last seen.
SELECT
    ({id})::text, s.xmin::text, extract(epoch FROM {last_seen})::float8
FROM {table} AS s
WHERE {recoverable}
    AND {young}
ORDER BY {order}
