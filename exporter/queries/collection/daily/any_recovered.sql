-- Whether recovery has closed any session of the table since a time: asked once for a statement, which then
-- need not ask of each row.
(
    SELECT EXISTS (
        SELECT FROM session_exporter.recovery AS a
        WHERE a.relation = {relation}
            AND a.undone_at IS NULL
            AND a.at >= {since}
    )
)
