-- The sessions that would be closed now, longest silent first, and in which version each row is.
SELECT
    ({id})::text, s.xmin::text
FROM {table} AS s
WHERE {recoverable}
    AND {young}
ORDER BY {order}
