-- The spent budget of automatic recovery; the contradicted or undone sessions among those closed since a
-- given time; and the contradicted sessions among those that became orphaned since then, within the last
-- day, or were found within it. A session counts once, and not if its return is already counted.
SELECT
    (
{spent}
    ),
    (
        SELECT pg_catalog.count(*)
        FROM session_exporter.recovery AS a
        WHERE a.source = {source}
            AND a.relation = {relation}
            AND (a.undone_at IS NOT NULL OR a.contradicted_at IS NOT NULL)
            AND a.at > greatest(
                pg_catalog.to_timestamp({since}), pg_catalog.now() - interval '7 days'
            )
    ),
    (
        SELECT pg_catalog.count(DISTINCT a.session)
        FROM session_exporter.recovery AS a
        WHERE a.source = {source}
            AND a.relation = {relation}
            AND a.contradicted_at IS NOT NULL
            AND coalesce(a.contradicted_at < a.undone_at, true)
            AND {audit_key} <> ALL ({counted}::text[])
            AND a.at > pg_catalog.now() - interval '7 days'
            AND (a.evidence ->> 'last_seen'::text)::timestamptz
                > pg_catalog.to_timestamp({since}) - {after}
            AND greatest(
                a.contradicted_at - {after}, (a.evidence ->> 'last_seen'::text)::timestamptz
            ) > pg_catalog.now() - interval '1 day' - {after}
    )
