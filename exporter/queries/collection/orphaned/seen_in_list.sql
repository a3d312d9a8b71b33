-- The last sign of life of a row in a list; NULL if the list gives none. Only for thresholds of rows.
pg_catalog.to_timestamp((
    (
        SELECT pg_catalog.jsonb_object(
            nullif(pg_catalog.current_setting({listed}, true), '')::text[],
            nullif(pg_catalog.current_setting({seen}, true), '')::text[]
        )
    ) OPERATOR(pg_catalog.->>) {id}
)::float8)
