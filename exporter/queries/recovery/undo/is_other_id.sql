-- Whether an audit row is of other columns than the id has now: their values would name another session.
-- An id of which a column is gone had another name. What was audited before runs had their id has none.
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
