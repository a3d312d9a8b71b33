-- Has the function in the database close these sessions: it locks, rechecks, writes and audits.
SELECT session_exporter_session, session_exporter_returning::text
FROM {function}(
    {ids}::text[], {versions}::text[], {run}::uuid, {trigger}::text, {with_backlog},
    {reason}::text
) AS session_exporter_closed
