-- The result of recovery/close/close: the closed sessions, a row for each, or one row without a session.
SELECT
    (SELECT pg_catalog.count(*) FROM session_exporter_found) AS session_exporter_found_count,
    (SELECT pg_catalog.count(*) FROM session_exporter_written) AS session_exporter_written_count,
    c.session_exporter_session, c.session_exporter_returning::text AS session_exporter_report,
    c.session_exporter_is_active, c.session_exporter_is_ahead, c.session_exporter_is_held
FROM (SELECT) AS always
LEFT JOIN session_exporter_closed AS c ON true
