-- One page of the sessions that would be closed now, and in which version each row is. By id, because
-- a session's id does not change while others are closed or show life: none is skipped or repeated.
-- MATERIALIZED, or the planner may walk the whole index of the id for the sake of the order.
-- WITH TIES, because in a partitioned table several rows may have one id.
WITH session_exporter_candidates AS MATERIALIZED (
    SELECT
        {id} AS session_exporter_id, s.xmin::text AS session_exporter_version
    FROM {table} AS s
    WHERE {recoverable}
        AND {young}
        AND {after}
)
SELECT c.session_exporter_id::text, c.session_exporter_version
FROM session_exporter_candidates AS c
ORDER BY c.session_exporter_id -- the bare name would be the text of the output
FETCH FIRST {limit} ROWS WITH TIES
