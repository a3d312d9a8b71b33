-- Grants the right to read what may be a table, where it is one.
DO $$
BEGIN
    IF pg_catalog.to_regclass({named}) IS NOT NULL THEN
        {grants}
    END IF;
END
$$;
