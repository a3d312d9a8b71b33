-- The result of recovery/close/close in a message that ends with COMMIT: the number of closed sessions,
-- and no rows. If a check fails, the division by zero rolls back the transaction.
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
