#variable_conflict use_column
DECLARE
    session_exporter_ours pg_catalog.int8[];
BEGIN
{demands}
    -- Rows of other sources are left out.
    session_exporter_ours := ARRAY(
        SELECT a.number
        FROM session_exporter.recovery AS a
        WHERE a.number = ANY (session_exporter_numbers)
            AND a.source = {source}
            AND a.relation = {relation}
            AND {is_trusted}
            -- A run that has written other columns too could not be undone as a whole by this function.
            AND NOT EXISTS (
                SELECT FROM pg_catalog.jsonb_object_keys(a.before) AS k (name)
                WHERE k.name <> ALL ({columns}::text[])
            )
    );
    session_exporter_ours := ARRAY(
{lock}
    );
    RETURN QUERY
{undo};
END
