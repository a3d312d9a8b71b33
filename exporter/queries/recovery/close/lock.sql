-- Locks sessions that may be closed, in the version that each has from now on, and leaves alone what
-- somebody else works on just now.
-- FOR UPDATE, so that a child row that is being inserted this moment keeps us out too.
SELECT {key}, s.xmin::text
FROM {table} AS s
WHERE {is_one_of}
    AND {rows}
FOR UPDATE OF s SKIP LOCKED
