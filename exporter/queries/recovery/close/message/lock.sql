-- Locks as recovery/close/lock does, and keeps the versions of the locked sessions in a setting of this
-- transaction, for the statement that closes them. No row of them is returned: their locks would wait
-- for a client that does not read.
WITH session_exporter_locked (session_exporter_session, session_exporter_version) AS MATERIALIZED (
{lock}
)
SELECT pg_catalog.length(pg_catalog.set_config({setting}, coalesce(
    pg_catalog.jsonb_object_agg(
        l.session_exporter_session, (SELECT {versions}) ->> l.session_exporter_session
    ),
    '{{}}'::jsonb
)::text, true))
FROM session_exporter_locked AS l
