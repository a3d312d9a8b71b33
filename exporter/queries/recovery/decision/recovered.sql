-- Whether recovery has closed the session, for whichever source of the table, and that was not undone.
EXISTS (
    SELECT FROM session_exporter.recovery AS a
    WHERE a.relation = {relation}
        AND a.session[1] = ({id})::text
        AND a.at > pg_catalog.now() - interval '2 days'
        AND a.undone_at IS NULL
)
