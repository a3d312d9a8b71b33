-- The names with the ending of our indexes, and whether each is an invalid index.
SELECT n.nspname, c.relname, i.indisvalid IS FALSE
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
LEFT JOIN pg_index AS i ON i.indexrelid = c.oid
WHERE n.nspname IN ({schemas}) AND c.relname ~ '_idx[0-9]*$'::text
