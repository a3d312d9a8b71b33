-- Notifies like recovery/close/notify, and returns one row instead of one for each session.
SELECT pg_catalog.count(*)
FROM (
{notify}
) AS session_exporter_sent
