-- Deletes rows older than `audit.keep`, a thousand at a time. The row of an undone session is kept while
-- the session is active: without it, recovery would close the session again.
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
