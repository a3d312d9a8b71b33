-- Of active.sql, one row more: the sessions that recovery closed before a collection counted them. Both are
-- read in one snapshot, in which a session is either active or in the audit, so that none counts twice.
UNION ALL
SELECT
    -1,
    extract(epoch FROM {now})::float8,
    0,
    pg_catalog.count(*) FILTER (WHERE {lost}),
    {nothing}
FROM (
    SELECT
        a.at AS closed_at,
        a.evidence ->> 'cause'::text AS cause,
        a.evidence ->> 'owner'::text AS lost_owner,
        {id} AS lost_id,
        (a.evidence ->> 'last_seen'::text)::timestamptz + {after} AS orphaned_at
    FROM session_exporter.recovery AS a
    WHERE a.source = {source}
        AND a.at >= {begin}
        AND a.undone_at IS NULL
) AS closed
