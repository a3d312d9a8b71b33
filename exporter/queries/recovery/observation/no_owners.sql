-- Without a column of owners.
SELECT
    NULL::text AS session_exporter_owner, 0 AS session_exporter_active, 0 AS session_exporter_live
WHERE false
