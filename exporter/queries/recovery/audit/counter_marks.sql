-- Where the next read of the audit begins: a minute back.
SELECT
    coalesce(
        (SELECT max(number) FROM session_exporter.recovery WHERE at < now() - interval '1 minute'),
        0
    ),
    extract(epoch FROM now() - interval '1 minute')::float8
