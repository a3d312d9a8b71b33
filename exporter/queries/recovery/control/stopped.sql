-- The stop of a source that is in force: the newest without a resume, if it is newer than all resumed
-- stops. The stop `returned` is not replaced by a stop of another exporter. Any other stop has ended when
-- an exporter has later found no brake on: it held nothing then, and holds nothing new. Observations
-- within a minute may precede the stop and do not count. An observation by another rule counts if this
-- rule was not in use then.
-- If the clock was ahead for some time, a stop or a resume may have a time in the future: the resume
-- counts from that time, and its stop is no younger.
SELECT s.at, s.brake, s.why
FROM session_exporter.stop AS s
WHERE s.source = {source}
    AND s.resumed_at IS NULL
    AND s.at > ALL (
        SELECT least(r.at, r.resumed_at) FROM session_exporter.stop AS r
        WHERE r.source = {source} AND r.resumed_at <= pg_catalog.now()
    )
    AND (s.brake = 'returned'::text OR NOT EXISTS (
        SELECT FROM session_exporter.observation AS o
        WHERE o.source = {source}
            AND o.judged BETWEEN s.at + interval '1 minute' AND pg_catalog.now()
            AND (o.rule = {fingerprint} OR NOT EXISTS (
                SELECT FROM session_exporter.observation AS own
                WHERE own.source = {source} AND own.rule = {fingerprint} AND own.since <= o.judged
            ))
    ))
ORDER BY s.brake = 'returned'::text DESC, s.at DESC
LIMIT 1
