-- Whether recovery has closed a session, for whichever source of the table, and that was not undone.
EXISTS (
    SELECT FROM session_exporter.recovery AS a
    WHERE a.relation = {relation}
        AND a.session[1] = session_exporter_id[1]
        AND a.session OPERATOR(pg_catalog.=) session_exporter_id
        AND a.undone_at IS NULL
)
