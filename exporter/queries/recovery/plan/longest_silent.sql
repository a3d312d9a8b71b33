-- The limited number of sessions that would be closed now, longest silent first, with the version of each
-- row: one list, because pages are ordered by id. The order is that of the preview.
SELECT {key}, s.xmin::text
FROM {table} AS s
WHERE {recoverable}
    AND {not_backlog}
{first}
