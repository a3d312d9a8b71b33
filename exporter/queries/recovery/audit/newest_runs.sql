-- The newest runs of a source among its last thousand audited sessions, which the index on (source, at)
-- gives. All of them may belong to one run that is still active.
SELECT newest.run
FROM (
    SELECT a.run, a.at
    FROM session_exporter.recovery AS a
    WHERE a.source = {source}
    ORDER BY a.at DESC
    LIMIT 1000
) AS newest
GROUP BY newest.run
ORDER BY pg_catalog.max(newest.at) DESC
LIMIT {limit}
