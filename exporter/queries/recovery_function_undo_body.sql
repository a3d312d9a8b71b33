#variable_conflict use_column
DECLARE
    session_exporter_ours pg_catalog.int8[];
BEGIN
    IF pg_catalog.current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_transaction_state', MESSAGE =
            'undo has to see what others commit while it works: call it in READ COMMITTED';
    END IF;
    IF pg_catalog.cardinality(session_exporter_numbers) > {most} THEN
        RAISE EXCEPTION USING ERRCODE = 'program_limit_exceeded', MESSAGE = pg_catalog.format(
            'expected at most %s rows of the audit at once, got %s; call it more than once',
            {most}, pg_catalog.cardinality(session_exporter_numbers)
        );
    END IF;
    IF pg_catalog.cardinality(session_exporter_numbers) > 0 THEN
        PERFORM pg_catalog.set_config('idle_in_transaction_session_timeout', '1s', true);
    END IF;
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
