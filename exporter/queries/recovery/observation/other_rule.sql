-- When exporters last observed a source by another rule, if none has observed it by this rule since;
-- NULL, or a time that is not recent, if that is irrelevant now. Records of one rule are `recent` apart.
SELECT extract(epoch FROM pg_catalog.max(o.until))::float8
FROM session_exporter.observation AS o
WHERE o.source = {source}
    AND o.rule <> {fingerprint}
    AND o.until BETWEEN pg_catalog.now() - interval '1 hour' AND pg_catalog.now()
    AND NOT EXISTS (
        SELECT FROM session_exporter.observation AS own
        WHERE own.source = {source} AND own.rule = {fingerprint} AND own.until > o.until - {recent}
    )
