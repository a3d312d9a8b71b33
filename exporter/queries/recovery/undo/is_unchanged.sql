-- Whether the row has what recovery wrote to these columns, whose types may be others since.
(
    (SELECT {written} FROM pg_catalog.jsonb_to_record(a.after) AS b ({definitions}))
    = {present}
)
