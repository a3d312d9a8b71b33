-- What automatic recovery has spent of its budget: the sessions that it closed in the last 24 hours, and
-- those of the last week that were closed wrongly.
SELECT pg_catalog.count(*)
FROM session_exporter.recovery AS a
WHERE a.source = {source}
    AND a.trigger = 'auto'
    AND coalesce(a.evidence ->> 'cause'::text, 'age') = 'age' -- what is proved lost uses up nothing
    AND a.at > pg_catalog.now() - interval '7 days'
    AND (
        a.at > pg_catalog.now() - interval '1 day'
        OR a.undone_at IS NOT NULL
        OR a.contradicted_at IS NOT NULL
    )
    AND {is_of_closer} -- or another role could use up the budget
