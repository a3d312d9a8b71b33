-- The columns of some tables: name, type and whether NULL is forbidden. The types have a statement of their
-- own, and nothing is sorted or grouped: with 100,000 columns that would take longer than to read them.
SELECT a.attrelid::int8, a.attname::text, a.atttypid::int8, a.attnotnull
FROM pg_attribute AS a
WHERE a.attrelid = ANY ({oids}::oid[]) AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attrelid, a.attnum
