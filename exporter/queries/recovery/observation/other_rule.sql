-- When exporters last observed a source by another rule, where none has observed it by this one since;
-- NULL, or no recent moment, where that says nothing about now. Notes of one rule are `recent` apart.
SELECT extract(epoch FROM pg_catalog.max(o.until))::float8
FROM session_exporter.observation AS o
WHERE o.source = {source}
    AND o.rule <> {fingerprint}
    AND o.until BETWEEN pg_catalog.now() - interval '1 hour' AND pg_catalog.now()
    AND NOT EXISTS (
        SELECT FROM session_exporter.observation AS own
        WHERE own.source = {source} AND own.rule = {fingerprint} AND own.until > o.until - {recent}
    )
