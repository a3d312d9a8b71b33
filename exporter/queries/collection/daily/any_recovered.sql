-- Whether recovery has closed any session of the table since a time: evaluated once in a statement, so
-- that rows need not be checked if there is none.
(
    SELECT EXISTS (
        SELECT FROM session_exporter.recovery AS a
        WHERE a.relation = {relation}
            AND a.undone_at IS NULL
            AND a.at >= {since}
    )
)
