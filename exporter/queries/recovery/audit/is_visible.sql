-- Whether a table of the audit exists, for a role that may use its schema.
SELECT to_regclass({table}) IS NOT NULL
