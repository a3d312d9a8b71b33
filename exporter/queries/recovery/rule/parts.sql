-- The values of one column of an id that has several, each once.
ARRAY(
    SELECT DISTINCT {part}
    FROM pg_catalog.unnest({keys}::text[]) AS k (session_exporter_key)
)
