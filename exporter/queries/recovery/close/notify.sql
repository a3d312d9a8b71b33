-- Notifies listeners of the sessions that this transaction has closed, when it commits.
-- A payload is shorter than 8000 bytes, or PostgreSQL rolls the transaction back: an id that does not
-- fit is null, and the audit row has it. A listener that no longer reads could fill the queue and stop
-- recovery (documentation, NOTIFY), so nothing is sent once it is half full.
SELECT pg_catalog.pg_notify({channel}, pg_catalog.json_build_object(
    'run', a.run,
    'source', a.source,
    'session', CASE
        WHEN pg_catalog.octet_length(pg_catalog.to_json(a.session)::text) <= 7002 THEN
            CASE pg_catalog.cardinality(a.session)
                WHEN 1 THEN pg_catalog.to_json(a.session[1])
                ELSE pg_catalog.to_json(a.session)
            END
    END,
    'number', a.number
)::text)
FROM session_exporter.recovery AS a
WHERE a.source = {source}
    AND a.at = pg_catalog.now() -- this transaction's: all else that the run has written is older
    AND a.run = {run}::uuid
    AND (SELECT pg_catalog.pg_notification_queue_usage()) < 0.5::float8
ORDER BY a.number
