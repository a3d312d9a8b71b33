-- Deletes rows that are older than the audit is kept, a thousand at a time. What a person has undone is kept
-- while the session is active: without the row, recovery would close it again.
SELECT NULL::timestamptz
FROM session_exporter.prune({source}::text, {keep}, ARRAY(
    SELECT a.number
    FROM (
        SELECT * FROM session_exporter.recovery AS a
        WHERE a.source = {source}
            AND a.relation = {relation}
            AND a.undone_at IS NOT NULL
            AND a.at < pg_catalog.now() - {keep}
        OFFSET 0 -- first: what else is in the audit may be no such id
    ) AS a
    WHERE EXISTS (
        SELECT FROM {table} AS s
        WHERE {is_of_audit}
            AND {rows}
        OFFSET 0
    )
)::bigint[])
