-- The CHECK constraints of some tables, and the foreign keys from and to them.
SELECT
    k.conrelid::int8,
    k.contype::text,
    CASE WHEN k.contype = 'c' THEN pg_catalog.pg_get_constraintdef(k.oid) END,
    ARRAY(
        SELECT a.attname::text
        FROM pg_catalog.unnest(k.conkey) WITH ORDINALITY AS u (number, place)
        JOIN pg_attribute AS a ON a.attrelid = k.conrelid AND a.attnum = u.number
        ORDER BY u.place
    ),
    k.confrelid::int8
FROM pg_constraint AS k
WHERE k.contype IN ('c', 'f')
    AND (k.conrelid = ANY ({oids}::oid[]) OR k.confrelid = ANY ({oids}::oid[]))
ORDER BY k.conrelid, k.conname
