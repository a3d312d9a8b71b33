-- Tells whoever listens of the sessions that this transaction has closed, when it commits.
-- A payload is shorter than 8000 bytes, or PostgreSQL takes all of the transaction back: an id that
-- does not fit is null, and the audit row has it. So that a listener which reads nothing any more
-- cannot fill the queue and stop recovery (documentation, NOTIFY), nobody is told once it is half full.
SELECT pg_notify({channel}, json_build_object(
    'run', a.run,
    'source', a.source,
    'session', CASE WHEN octet_length(to_json(a.session)::text) <= 7000 THEN a.session END,
    'number', a.number
)::text)
FROM session_exporter.recovery AS a
WHERE a.source = {source}
    AND a.at = now() -- the index on both: a run may have written very many rows before
    AND a.run = {run}::uuid
    AND a.row_version = (pg_current_xact_id()::text::numeric % 4294967296)::text
    AND (SELECT pg_notification_queue_usage()) < 0.5
ORDER BY a.number
