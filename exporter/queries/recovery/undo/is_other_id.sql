-- Whether an audit row was written with other id columns than now: their values would name another
-- session. An id column that no longer exists also counts. Rows from before runs recorded their id
-- columns have none.
EXISTS (
    SELECT FROM session_exporter.run AS r
    WHERE r.run = a.run
        AND r.source = a.source
        AND r.rule -> 'id'::text <> {id_names}::jsonb
        AND NOT EXISTS (
            SELECT FROM pg_catalog.jsonb_array_elements_text(r.rule -> 'id'::text) AS n (name)
            WHERE NOT EXISTS (
                SELECT FROM pg_attribute AS c
                WHERE c.attrelid = {relation}::regclass::oid
                    AND c.attname = n.name::name
                    AND NOT c.attisdropped
            )
        )
)
