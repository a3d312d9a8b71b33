-- The sessions that would be closed now where only so many are, longest silent first, and in which
-- version each row is: one list, because pages go by id. The same order as in the preview.
SELECT {key}, s.xmin::text
FROM {table} AS s
WHERE {recoverable}
    AND {young}
{first}
