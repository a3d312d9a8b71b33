#variable_conflict use_column
BEGIN
    CASE session_exporter_task
    WHEN 'contradicted' THEN
        RETURN QUERY
{contradicted};
    WHEN 'alive' THEN
        RETURN QUERY
{alive};
    WHEN 'old' THEN
        RETURN QUERY
{old};
    ELSE
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE =
            'session_exporter_task: expected contradicted, alive or old';
    END CASE;
END
