-- Whether recovery has closed a session, for whichever source of the table, and that was not undone.
-- An id may have been another session's before, so that only what was closed since a time counts.
-- The planner chooses between a hash of these rows and a lookup of each.
EXISTS (
    SELECT FROM session_exporter.recovery AS a
    WHERE a.relation = {relation}
        AND a.session[1] = session_exporter_id[1]
        AND a.session OPERATOR(pg_catalog.=) session_exporter_id
        AND a.undone_at IS NULL
        AND a.at >= {since}{further}
)
