-- Locks sessions that may be closed and returns their versions, which cannot change any more. Rows that
-- another transaction has locked are skipped.
-- FOR UPDATE, so that a session to which a child row is being inserted is skipped too.
SELECT {key}, s.xmin::text
FROM {table} AS s
WHERE {is_one_of}
    AND {rows}
FOR UPDATE OF s SKIP LOCKED
