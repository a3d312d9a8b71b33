-- What the role, the database or the server limits in milliseconds; ours hold within a transaction alone.
-- transaction_timeout is there from PostgreSQL 17 on.
SELECT s.name, s.reset_val::int8
FROM pg_catalog.pg_settings AS s
WHERE s.name IN ('statement_timeout', 'transaction_timeout') AND s.reset_val::int8 > 0
