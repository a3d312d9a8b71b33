-- Whether automatic recovery may close an orphaned session at all.
NOT EXISTS (
    SELECT FROM {left_alone} AS l
    WHERE l.session_exporter_id = {session}
        AND (l.session_exporter_seen IS NULL OR l.session_exporter_seen = {seen})
)
