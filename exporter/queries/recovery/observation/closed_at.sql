-- When recovery last closed an orphaned session, for any source of the table, without undone closures:
-- since then the application has opened it again.
(
    SELECT extract(epoch FROM pg_catalog.max(a.at))::float8
    FROM session_exporter.recovery AS a
    WHERE a.relation = {relation} AND {is_audited_as} AND a.undone_at IS NULL
)
