-- The undone sessions among those that automatic recovery leaves alone.
SELECT l.session_exporter_id, l.session_exporter_seen
FROM (
{left_alone}
) AS l
WHERE l.session_exporter_seen IS NOT NULL
