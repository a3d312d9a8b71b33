-- Waits for the exporters that close sessions of the same source just now.
SELECT pg_advisory_xact_lock(hashtextextended({queue}, 0))
