-- Whether automatic recovery may close an orphaned session at all.
NOT EXISTS (
    SELECT FROM session_exporter_left_alone AS l
    WHERE l.session_exporter_id = o.session_exporter_id::text
        AND (l.session_exporter_seen IS NULL OR l.session_exporter_seen = o.session_exporter_seen)
)
