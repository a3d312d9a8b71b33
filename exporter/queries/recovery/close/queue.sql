-- Waits for the exporters that are closing sessions of the same source.
SELECT pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended({queue}::text, 0::int8))
