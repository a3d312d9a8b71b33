-- How many sessions may still be closed in this hour. One exporter at a time counts and closes: the
-- lock lasts until the transaction ends.
SELECT {per_hour} - (
    SELECT count(*)
    FROM session_exporter.recovery AS a
    WHERE a.source = {source} AND a.trigger = 'auto' AND a.at > now() - interval '1 hour'
)
