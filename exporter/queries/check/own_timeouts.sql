-- The time limits of the role, the database or the server in milliseconds; ours apply only within a
-- transaction. transaction_timeout exists from PostgreSQL 17.
SELECT s.name, s.reset_val::int8
FROM pg_catalog.pg_settings AS s
WHERE s.name IN ('statement_timeout', 'transaction_timeout') AND s.reset_val::int8 > 0
