-- Notifies listeners of the sessions that this transaction has closed, when it commits.
-- A payload is shorter than 8000 bytes, or PostgreSQL rolls the transaction back: an id that does not
-- fit is null, and the audit row has it. A listener that no longer reads could fill the queue and stop
-- recovery (documentation, NOTIFY), so nothing is sent once it is half full.
SELECT pg_notify({channel}, json_build_object(
    'run', a.run,
    'source', a.source,
    'session', CASE WHEN octet_length(to_json(a.session)::text) <= 7000 THEN a.session END,
    'number', a.number
)::text)
FROM session_exporter.recovery AS a
WHERE a.source = {source}
    AND a.at = now() -- this transaction's: all else that the run has written is older
    AND a.run = {run}::uuid
    AND (SELECT pg_notification_queue_usage()) < 0.5
ORDER BY a.number
