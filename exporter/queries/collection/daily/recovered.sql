-- Whether recovery has closed a session, for any source of the table, and that was not undone.
-- The id may have belonged to an earlier session, so only closures since a time count.
-- The planner chooses between a hash of these rows and a lookup of each.
EXISTS (
    SELECT FROM session_exporter.recovery AS a
    WHERE a.relation = {relation}
        AND a.session[1] = session_exporter_id[1]
        AND a.session OPERATOR(pg_catalog.=) session_exporter_id
        AND a.undone_at IS NULL
        AND a.at >= {since}{further}
)
