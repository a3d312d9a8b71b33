-- The values of each column of a relation that is of an enum.
SELECT a.attname::text, pg_catalog.array_agg(e.enumlabel::text ORDER BY e.enumsortorder)
FROM pg_attribute AS a
JOIN pg_enum AS e ON e.enumtypid = a.atttypid
WHERE a.attrelid = {oid} AND a.attnum > 0 AND NOT a.attisdropped
GROUP BY a.attname
