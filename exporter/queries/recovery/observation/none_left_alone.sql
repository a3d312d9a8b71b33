-- Without an audit.
SELECT NULL::text AS session_exporter_id, NULL::timestamptz AS session_exporter_seen WHERE false
