-- Notes that a rule was observed, and what became of the orphaned sessions of the last day.
INSERT INTO session_exporter.observation (source, rule, since, until, returns)
VALUES ({source}, {fingerprint}, pg_catalog.to_timestamp({now}::float8), pg_catalog.to_timestamp({now}::float8), {returns}::jsonb)
ON CONFLICT (source, rule) DO UPDATE SET until = excluded.until, returns = excluded.returns
