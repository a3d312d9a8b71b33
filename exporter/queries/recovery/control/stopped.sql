-- The stop of a source that counts: the newest that is not resumed, if it is newer than all that are. One
-- because sessions return ends by no other that another exporter has written, and only after a person has
-- closed sessions by hand since: how many tells whether that was a decision. Another one has ended when
-- an exporter has later found no brake on: it has held nothing then, and holds nothing new. An exporter that
-- observed before the stop was written has done so within a minute. What was found by another rule tells
-- where this one was not in use then.
-- A clock that was ahead for a time may have given a stop or a resume a moment of the future: a resume
-- counts when that has come, and its stop is no younger.
SELECT s.at, s.brake, s.why, h.session_exporter_by_hand
FROM session_exporter.stop AS s
CROSS JOIN LATERAL (
    SELECT pg_catalog.count(*) AS session_exporter_by_hand
    FROM session_exporter.recovery AS a
    WHERE s.brake = 'returned'::text
        AND a.source = {source}
        AND a.relation = {relation}
        AND a.at > s.at
        AND a.trigger = 'manual'
        AND a.undone_at IS NULL
        AND a.contradicted_at IS NULL
        AND {is_of_closer} -- or another role could end the stop
) AS h
WHERE s.source = {source}
    AND s.resumed_at IS NULL
    AND s.at > ALL (
        SELECT least(r.at, r.resumed_at) FROM session_exporter.stop AS r
        WHERE r.source = {source} AND r.resumed_at <= pg_catalog.now()
    )
    AND ((s.brake = 'returned'::text AND h.session_exporter_by_hand = 0::int8) OR NOT EXISTS (
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
