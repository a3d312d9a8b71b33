    IF session_exporter_count > 0 THEN
        PERFORM session_exporter_told.* FROM (
{notify}
        ) AS session_exporter_told;
    END IF;
