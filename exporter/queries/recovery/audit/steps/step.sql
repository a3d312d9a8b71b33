-- One step of the schema of the audit; nothing where the schema has this version or a later one.
DO $session_exporter$
BEGIN
    -- One at a time.
    PERFORM pg_catalog.pg_advisory_xact_lock(
        pg_catalog.hashtextextended('session-exporter audit'::text, 0::bigint)
    );
    IF (
{version}
    ) >= {number} THEN
        RETURN;
    END IF;

{commands}

COMMENT ON SCHEMA session_exporter IS 'session-exporter audit, version {number}';
END
$session_exporter$;
