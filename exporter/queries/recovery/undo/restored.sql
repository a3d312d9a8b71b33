-- What these columns were before, by the input functions of their types.
SELECT
    {values}
FROM pg_catalog.jsonb_to_record(a.before) AS b ({definitions})
