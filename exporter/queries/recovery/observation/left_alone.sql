-- Sessions that automatic recovery leaves alone, and when they were last seen: undone sessions until
-- they show life, by a sign or by evidence; and sessions that were closed too often, whenever seen.
-- For any source of the table.
SELECT
    {audit_key} AS session_exporter_id,
    (a.evidence ->> 'last_seen'::text)::timestamptz AS session_exporter_seen
FROM session_exporter.recovery AS a
WHERE a.relation = {relation}
    AND {has_as_many}
    AND a.undone_at IS NOT NULL
    AND coalesce(a.contradicted_at < a.undone_at, true)
UNION ALL
SELECT {audit_key}, NULL
FROM session_exporter.recovery AS a
WHERE a.relation = {relation}
    AND {has_as_many}
    AND a.at > pg_catalog.now() - interval '72 hours'
GROUP BY a.session
HAVING pg_catalog.count(*) >= {most_closures}::int8
