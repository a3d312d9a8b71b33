-- Notifies as recovery/close/notify does, and returns one row and not one for each session.
SELECT pg_catalog.count(*)
FROM (
{notify}
) AS session_exporter_sent
