-- Claims recoveries that are not yet delivered to the webhook, longest due first. During a delivery the
-- next attempt is in the future: if the exporter dies, the recovery is claimed again then.
WITH session_exporter_due AS MATERIALIZED (
    SELECT a.number
    FROM session_exporter.recovery AS a
    WHERE a.source = {source}
        AND a.next_attempt_at <= pg_catalog.now()
        AND a.undone_at IS NULL
    ORDER BY a.next_attempt_at
    LIMIT {limit}
    FOR UPDATE SKIP LOCKED
)
UPDATE session_exporter.recovery AS a
SET attempts = a.attempts + 1,
    next_attempt_at = pg_catalog.now() + {lease}::float8 * interval '1 second'
FROM session_exporter_due AS d
WHERE a.number = d.number
RETURNING
    a.number,
    a.attempts,
    pg_catalog.concat(a.run, '-', a.number),
    -- As text: a number keeps all its digits, and what is signed is what is sent.
    pg_catalog.json_build_object(
        'number', a.number,
        'run', a.run,
        'database', {database},
        'source', a.source,
        'relation', a.relation,
        'session', CASE pg_catalog.cardinality(a.session)
            WHEN 1 THEN pg_catalog.to_json(a.session[1])
            ELSE pg_catalog.to_json(a.session)
        END,
        'at', pg_catalog.to_char(a.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
        'trigger', a.trigger,
        'before', a.before,
        'after', a.after,
        'evidence', a.evidence
    )::text
