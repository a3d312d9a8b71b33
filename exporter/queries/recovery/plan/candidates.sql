-- One page of the sessions that would be closed now, longest silent first, with the version of each row.
-- Pages are ordered by id, because an id does not change while sessions are closed or show life: none is
-- skipped or repeated. The last column is where the next page begins.
-- MATERIALIZED, or the planner may walk the whole index of the id for the sake of the order.
-- WITH TIES, because in a partitioned table several rows may have one id.
WITH session_exporter_candidates AS MATERIALIZED (
    SELECT
        {id_row} AS session_exporter_id,
        {key} AS session_exporter_key,
        s.xmin::text AS session_exporter_version,
        {order} AS session_exporter_silent_since
    FROM {table} AS s
    WHERE {recoverable}
        AND {not_backlog}
        AND {after}
),
session_exporter_page AS MATERIALIZED (
    SELECT * FROM session_exporter_candidates AS c
    ORDER BY c.session_exporter_id
    FETCH FIRST {limit} ROWS WITH TIES
)
SELECT
    p.session_exporter_key,
    p.session_exporter_version,
    (SELECT l.session_exporter_key FROM session_exporter_page AS l
        ORDER BY l.session_exporter_id DESC LIMIT 1)
FROM session_exporter_page AS p
ORDER BY p.session_exporter_silent_since
