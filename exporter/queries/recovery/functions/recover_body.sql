#variable_conflict use_column
DECLARE
    session_exporter_left pg_catalog.int8;
    session_exporter_locked pg_catalog.text[];
    session_exporter_row record;
    session_exporter_count pg_catalog.int8 := 0;
BEGIN
{demands}
    IF session_exporter_trigger IS NULL OR session_exporter_trigger NOT IN ('auto', 'manual') THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE =
            'session_exporter_trigger: expected auto or manual';
    END IF;

    IF session_exporter_trigger = 'auto' THEN
        IF EXISTS (
{paused}
        ) THEN
            RETURN;
        END IF;
        PERFORM session_exporter_waited.* FROM (
{queue}
        ) AS session_exporter_waited;
        -- A statement of its own: the count has to see what those have committed that we waited for.
        session_exporter_left := (
{budget}
        );
        session_exporter_left := greatest(session_exporter_left, 0);
        session_exporter_ids := session_exporter_ids[1:session_exporter_left];
        session_exporter_versions := session_exporter_versions[1:session_exporter_left];
    END IF;

    session_exporter_locked := ARRAY(
        SELECT session_exporter_lock.session_exporter_id
        FROM (
{lock}
        ) AS session_exporter_lock (session_exporter_id, session_exporter_version)
    );
    -- Of those that are locked, the version in which each was found.
    session_exporter_versions := ARRAY(
        SELECT pg_catalog.jsonb_object(session_exporter_ids, session_exporter_versions)
            ->> session_exporter_lock.session_exporter_id
        FROM pg_catalog.unnest(session_exporter_locked)
            WITH ORDINALITY AS session_exporter_lock (session_exporter_id, session_exporter_number)
        ORDER BY session_exporter_lock.session_exporter_number
    );

    FOR session_exporter_row IN
{close}
    LOOP
        CONTINUE WHEN session_exporter_row.session_exporter_session IS NULL;
        IF session_exporter_row.session_exporter_is_held AND session_exporter_reason IS NULL THEN
            RAISE EXCEPTION USING ERRCODE = 'XS005', MESSAGE = {held_by_stop};
        END IF;
        IF session_exporter_row.session_exporter_is_ahead THEN
            RAISE EXCEPTION USING ERRCODE = 'XS004', MESSAGE = {ends_ahead};
        END IF;
        IF session_exporter_row.session_exporter_is_active THEN
            RAISE EXCEPTION USING ERRCODE = 'XS002', MESSAGE = {still_active};
        END IF;
        session_exporter_count := session_exporter_count + 1;
        session_exporter_session := session_exporter_row.session_exporter_session;
        session_exporter_returning := session_exporter_row.session_exporter_report::jsonb;
        RETURN NEXT;
    END LOOP;
    -- A trigger may skip a row without an error.
    IF session_exporter_count < session_exporter_row.session_exporter_found_count THEN
        RAISE EXCEPTION USING ERRCODE = 'XS001', MESSAGE = {not_written};
    END IF;
    IF session_exporter_row.session_exporter_written_count < session_exporter_count THEN
        RAISE EXCEPTION USING ERRCODE = 'XS003', MESSAGE = {not_audited};
    END IF;
{notify}
END
