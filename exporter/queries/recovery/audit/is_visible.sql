-- Whether a table of the audit exists, for a role that may use its schema.
SELECT pg_catalog.to_regclass({table}) IS NOT NULL
