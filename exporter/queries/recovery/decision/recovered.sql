-- Whether recovery has closed the session since the last run, for any source of the table, and that was
-- not undone. Another exporter's transaction may have begun before that run.
EXISTS (
    SELECT FROM session_exporter.recovery AS a
    WHERE a.relation = {relation}
        AND {is_audited_as}
        AND a.at > pg_catalog.to_timestamp({last_run}) - interval '1 minute'
        AND a.undone_at IS NULL
)
