-- Waits for the exporters that are closing sessions of the same source.
SELECT pg_advisory_xact_lock(hashtextextended({queue}, 0))
