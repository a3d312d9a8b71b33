-- The relation that a source names and its columns, with those that a generated one is computed
-- from: its default depends on them (pg_depend), on itself internally.
-- An unquoted name finds its exact spelling first, else its lower case, as `s.column` does.
-- Without a schema it is the one that the search path finds.
SELECT
    c.oid::int8, n.nspname, c.relname, c.relkind::text, a.attname,
    format_type(a.atttypid, a.atttypmod),
    EXISTS (SELECT FROM pg_type t WHERE t.oid = a.atttypid AND t.typtype = 'e'),
    ARRAY(
        SELECT f.attname::text
        FROM pg_depend AS g
        JOIN pg_attribute AS f ON f.attrelid = g.refobjid AND f.attnum = g.refobjsubid
        WHERE a.attgenerated <> '' AND g.classid = 'pg_attrdef'::regclass AND g.objid = d.oid
            AND g.refobjid = c.oid AND f.attnum <> a.attnum
        ORDER BY f.attnum
    ),
    CASE WHEN a.attgenerated = 'v' THEN pg_get_expr(d.adbin, d.adrelid) END,
    a.attnotnull
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
LEFT JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_attrdef AS d ON d.adrelid = c.oid AND d.adnum = a.attnum
WHERE c.oid = (
    SELECT c.oid
    FROM pg_class AS c
    JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')
        AND {in_schema}
        AND {named}
    ORDER BY {exact_schema} DESC, {exact} DESC
    LIMIT 1
)
ORDER BY a.attnum
