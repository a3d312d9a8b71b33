-- One page of rows that may be contradicted: the newest rows of the audit before a time. Rows of one
-- transaction stay together. Undone sessions are included, because they may show life again.
SELECT a.number, a.at
FROM session_exporter.recovery AS a
WHERE a.source = {source}
    AND a.relation = {relation}  -- ids of another table may be of another type
    AND a.at > pg_catalog.now() - interval '7 days'
    AND a.at < {before}
    AND a.trigger <> 'close'  -- there the application is still up, and its own end may come last
    AND coalesce(a.contradicted_at < a.undone_at, a.contradicted_at IS NULL)
ORDER BY a.at DESC
FETCH FIRST {rows} ROWS WITH TIES
