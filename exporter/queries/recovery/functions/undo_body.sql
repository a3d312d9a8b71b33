#variable_conflict use_column
DECLARE
    session_exporter_ours pg_catalog.int8[];
BEGIN
{demands}
    -- What belongs to other sources is none of its business.
    session_exporter_ours := ARRAY(
        SELECT a.number
        FROM session_exporter.recovery AS a
        WHERE a.number = ANY (session_exporter_numbers)
            AND a.source = {source}
            AND a.relation = {relation}
            -- What else a run has written, in its own time, could not be taken back by this one.
            AND NOT EXISTS (
                SELECT FROM jsonb_object_keys(a.before) AS k (name)
                WHERE k.name <> ALL ({columns}::text[])
            )
    );
    session_exporter_ours := ARRAY(
{lock}
    );
    RETURN QUERY
{undo};
END
