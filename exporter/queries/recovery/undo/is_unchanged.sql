-- Whether these columns still have the values that recovery wrote; their types may have changed since.
(
    (SELECT {written} FROM pg_catalog.jsonb_to_record(a.after) AS b ({definitions}))
    = {present}
)
