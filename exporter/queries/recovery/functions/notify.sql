    IF session_exporter_count > 0 THEN
        PERFORM session_exporter_sent.* FROM (
{notify}
        ) AS session_exporter_sent;
    END IF;
