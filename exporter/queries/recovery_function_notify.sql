    IF FOUND THEN
        PERFORM session_exporter_told.* FROM (
{notify}
        ) AS session_exporter_told;
    END IF;
