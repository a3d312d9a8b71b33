-- The columns of some tables: the type as it is declared, the default, the labels of an enum, the comment,
-- and whether the role may read them.
SELECT
    a.attrelid::int8,
    a.attname::text,
    pg_catalog.format_type(a.atttypid, a.atttypmod),
    pg_catalog.pg_get_expr(d.adbin, d.adrelid),
    ARRAY(
        SELECT e.enumlabel::text
        FROM pg_enum AS e
        WHERE e.enumtypid = coalesce(nullif(t.typbasetype, '0'::oid), t.oid)
        ORDER BY e.enumsortorder
    ),
    pg_catalog.col_description(a.attrelid, a.attnum::int4),
    pg_catalog.has_column_privilege(a.attrelid, a.attnum, 'SELECT')
FROM pg_attribute AS a
JOIN pg_type AS t ON t.oid = a.atttypid
LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE a.attrelid = ANY ({oids}::oid[]) AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attrelid, a.attnum
