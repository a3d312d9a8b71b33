-- The records about a source: its stop in force, the newest stop that a person has resumed under this
-- rule, and the observation of the rule. Records with a time in the future are ignored. A rule that was
-- replaced by another for some time is observed as if for the first time.
SELECT
    extract(epoch FROM stopped.at)::float8, stopped.brake, stopped.why,
    coalesce(stopped.session_exporter_by_hand, 0),
    extract(epoch FROM resumed.at)::float8, extract(epoch FROM resumed.resumed_at)::float8,
    coalesce(resumed.wave, 0),
    extract(epoch FROM CASE WHEN o.since <= pg_catalog.now() AND NOT EXISTS (
        SELECT FROM session_exporter.observation AS other
        WHERE other.source = o.source
            AND other.until > o.until
            AND other.until <= pg_catalog.now()
            AND o.until < pg_catalog.now() - {recent}
    ) THEN o.since END)::float8,
    extract(epoch FROM o.until)::float8,
    extract(epoch FROM CASE WHEN o.judged <= pg_catalog.now() THEN o.judged END)::float8,
    coalesce(o.orphans, '{{}}'), coalesce(o.returns, '[]')
FROM (SELECT) AS always
LEFT JOIN LATERAL (
    SELECT least(s.at, s.resumed_at) AS at, s.resumed_at, s.wave FROM session_exporter.stop AS s
    WHERE s.source = {source} AND s.resumed_at <= pg_catalog.now() AND s.rule = {fingerprint}
    ORDER BY 1 DESC
    LIMIT 1
) AS resumed ON true
LEFT JOIN LATERAL (
{stopped}
) AS stopped ON true
LEFT JOIN session_exporter.observation AS o ON o.source = {source} AND o.rule = {fingerprint}
