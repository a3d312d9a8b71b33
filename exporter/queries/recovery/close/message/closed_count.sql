-- Of recovery/close/close in a message that ends with COMMIT: how many sessions were closed, and no row
-- of them. Where something does not hold, the division fails and takes the transaction back.
SELECT
    pg_catalog.count(*) AS closed,
    1 / (
        (SELECT pg_catalog.count(*) FROM session_exporter_found) = pg_catalog.count(*)
        AND (SELECT pg_catalog.count(*) FROM session_exporter_written) = pg_catalog.count(*)
        AND pg_catalog.count(*) FILTER (
            WHERE c.session_exporter_is_active OR c.session_exporter_is_ahead
        ) = 0::int8
    )::int AS is_complete
FROM session_exporter_closed AS c
