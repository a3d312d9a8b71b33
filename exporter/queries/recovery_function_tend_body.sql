#variable_conflict use_column
BEGIN
    RETURN QUERY
{contradicted};
    RETURN QUERY
{prune};
END
