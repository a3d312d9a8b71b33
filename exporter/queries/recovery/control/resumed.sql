-- The time of the stop of a source that a person has ended last. A row that was written while the clock
-- was ahead counts from that time.
SELECT coalesce((
    SELECT extract(epoch FROM least(s.at, s.resumed_at))::float8
    FROM session_exporter.stop AS s
    WHERE s.source = {source} AND s.resumed_at <= pg_catalog.now()
    ORDER BY s.resumed_at DESC, s.at DESC
    LIMIT 1
), '-infinity')
