-- The old values of these columns, by the input functions of their types.
SELECT
    {values}
FROM pg_catalog.jsonb_to_record(a.before) AS b ({definitions})
