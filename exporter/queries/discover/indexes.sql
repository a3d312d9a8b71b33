-- The valid indexes of some tables: unique or not, the names of the key columns (NULL for an expression), and
-- the predicate of a partial one, which is often the author's own definition of what is active.
SELECT
    i.indrelid::int8,
    i.indisprimary,
    i.indisunique,
    ARRAY(
        SELECT a.attname::text
        FROM pg_catalog.generate_series('0'::int4, i.indnkeyatts - '1'::int4) AS k (place)
        LEFT JOIN pg_attribute AS a
            ON a.attrelid = i.indrelid AND a.attnum = i.indkey[k.place] AND a.attnum > 0
        ORDER BY k.place
    ),
    pg_catalog.pg_get_expr(i.indpred, i.indrelid)
FROM pg_index AS i
WHERE i.indrelid = ANY ({oids}::oid[]) AND i.indisvalid
ORDER BY i.indrelid, i.indisprimary DESC, i.indexrelid
