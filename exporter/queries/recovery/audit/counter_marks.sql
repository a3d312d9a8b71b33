-- Where the next read of the audit begins: a minute back.
SELECT
    coalesce(
        (
            SELECT pg_catalog.max(number) FROM session_exporter.recovery
            WHERE at < pg_catalog.now() - interval '1 minute'
        ),
        0
    ),
    extract(epoch FROM pg_catalog.now() - interval '1 minute')::float8
