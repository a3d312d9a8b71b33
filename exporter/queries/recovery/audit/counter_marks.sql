-- From where on the audit table is to be read the next time: a minute back.
SELECT
    coalesce(
        (SELECT max(number) FROM session_exporter.recovery WHERE at < now() - interval '1 minute'),
        0
    ),
    extract(epoch FROM now() - interval '1 minute')::float8
