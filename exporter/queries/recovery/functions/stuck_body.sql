#variable_conflict use_column
DECLARE
    session_exporter_ids pg_catalog.text[];
    session_exporter_versions pg_catalog.text[];
    session_exporter_since pg_catalog.timestamptz[];
BEGIN
    IF p_threshold_minutes IS NULL OR p_threshold_minutes < {minutes} THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = pg_catalog.format(
            'p_threshold_minutes: expected at least %s, got %s; a session that was seen more '
            'recently may be alive', {minutes}, coalesce(p_threshold_minutes::text, 'NULL')
        );
    END IF;

    -- Which sessions, and in which version each is. Nothing is locked yet.
    SELECT
        pg_catalog.array_agg(session_exporter_found.session_exporter_id),
        pg_catalog.array_agg(session_exporter_found.session_exporter_version),
        pg_catalog.array_agg(session_exporter_found.session_exporter_last_seen)
    INTO session_exporter_ids, session_exporter_versions, session_exporter_since
    FROM (
        SELECT
            {key} AS session_exporter_id,
            s.xmin::text AS session_exporter_version,
            {last_seen} AS session_exporter_last_seen
        FROM {table} AS s
        WHERE {recoverable}
            AND {has_id}
            AND {last_seen}
                < pg_catalog.now() - pg_catalog.make_interval(mins => p_threshold_minutes)
            AND ({end}) IS NOT NULL
        ORDER BY {order}
        LIMIT {most}
    ) AS session_exporter_found;

    -- It locks, rechecks, writes, and writes the audit.
    RETURN QUERY
    SELECT
        {columns}
    FROM {recover}(
        session_exporter_ids, session_exporter_versions, pg_catalog.gen_random_uuid(),
        'manual'::text, true, NULL::text
    ) AS session_exporter_closed (session_exporter_session, session_exporter_returning)
    JOIN ROWS FROM (
        pg_catalog.unnest(session_exporter_ids), pg_catalog.unnest(session_exporter_since)
    )
        AS session_exporter_seen (session_exporter_id, session_exporter_since)
        ON session_exporter_seen.session_exporter_id
            = session_exporter_closed.session_exporter_session
    ORDER BY session_exporter_seen.session_exporter_since;
END
