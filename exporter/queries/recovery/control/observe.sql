-- Records since when a rule is observed, until when it is judged, its orphaned sessions, and the returns
-- of the last day.
INSERT INTO session_exporter.observation AS o (source, rule, since, until, judged, orphans, returns)
VALUES (
    {source}, {fingerprint}, pg_catalog.to_timestamp({since}),
    pg_catalog.to_timestamp({now}), pg_catalog.to_timestamp({judged}),
    {orphans}::jsonb, {returns}::jsonb
)
ON CONFLICT (source, rule) DO UPDATE SET
    since = excluded.since,
    until = excluded.until,
    judged = excluded.judged,
    orphans = excluded.orphans,
    returns = excluded.returns
