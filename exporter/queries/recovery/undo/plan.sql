-- The state of each session of a run, compared with the values that the run wrote: one page.
SELECT
    a.number,
    CASE
        WHEN pg_catalog.cardinality(a.session) = 1 THEN a.session[1]
        ELSE pg_catalog.to_jsonb(a.session)::text
    END,
    CASE
        WHEN a.undone_at IS NOT NULL THEN 'undone'
        WHEN NOT {has_as_many} OR {is_other_id} THEN 'other_id'
        WHEN NOT {is_trusted} THEN 'untrusted'
        WHEN s.ctid IS NULL THEN 'gone'
        WHEN {is_unchanged} THEN 'same'
        ELSE 'changed'
    END
FROM (
    SELECT * FROM session_exporter.recovery AS a
    WHERE a.run = {run}::uuid AND a.number > {after}::bigint
    ORDER BY a.number
    LIMIT {limit}
) AS a
LEFT JOIN {table} AS s ON {is_of_audit}
ORDER BY a.number
