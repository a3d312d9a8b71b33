-- The relations that sources name and their columns, with those that a generated one is computed
-- from: its default depends on them (pg_depend), on itself internally. Each row begins with the number
-- of the source. One statement for several sources, because planning takes longer than execution.
-- An unquoted name is tried in its exact spelling first, then in lower case, like `s.column`.
-- A name without a schema is resolved by the search path.
-- A type of another schema is qualified, so that another path cannot resolve it differently. Values
-- are compared by the operators of the default B-tree class of the type, or of the base type of a
-- domain; an enum or an array has PostgreSQL's own. The last column is the base type of a domain, or
-- the type itself, without a length.
SELECT
    wanted.number, c.oid::int8, c.nspname, c.relname, c.relkind::text, a.attname,
    CASE
        WHEN t.nspname <> 'pg_catalog' AND pg_catalog.pg_type_is_visible(t.named)
            THEN pg_catalog.quote_ident(t.nspname) || '.'
        ELSE ''
    END || pg_catalog.format_type(a.atttypid, a.atttypmod),
    CASE t.typtype
        WHEN 'd' THEN (SELECT b.typtype FROM pg_type AS b WHERE b.oid = base.oid)
        ELSE t.typtype
    END = 'e',
    CASE
        WHEN a.attgenerated <> '' THEN ARRAY(
            SELECT f.attname::text
            FROM pg_depend AS g
            JOIN pg_attribute AS f ON f.attrelid = g.refobjid AND f.attnum = g.refobjsubid
            WHERE g.classid = 'pg_attrdef'::regclass::oid AND g.objid = d.oid
                AND g.refobjid = c.oid AND f.attnum <> a.attnum
            ORDER BY f.attnum
        )
        ELSE '{{}}'
    END,
    CASE WHEN a.attgenerated = 'v' THEN pg_catalog.pg_get_expr(d.adbin, d.adrelid) END,
    a.attnotnull,
    coalesce((
        SELECT q.nspname
        FROM pg_opclass AS k
        JOIN pg_am AS b ON b.oid = k.opcmethod AND b.amname = 'btree'
        JOIN pg_amop AS m ON m.amopfamily = k.opcfamily AND m.amopstrategy = 3
            AND m.amoplefttype = base.oid AND m.amoprighttype = base.oid
        JOIN pg_operator AS o ON o.oid = m.amopopr
        JOIN pg_namespace AS q ON q.oid = o.oprnamespace
        WHERE k.opcintype = base.oid AND k.opcdefault
    ), 'pg_catalog'),
    pg_catalog.format_type(base.oid, NULL)
FROM (
    VALUES
    {names}
) AS wanted (number, schema, lower_schema, name, lower_name)
JOIN LATERAL (
    SELECT c.oid, n.nspname, c.relname, c.relkind
    FROM pg_class AS c
    JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')
        AND c.relname IN (wanted.name, wanted.lower_name)
        AND CASE
            WHEN wanted.schema IS NULL THEN pg_catalog.pg_table_is_visible(c.oid)
            ELSE n.nspname IN (wanted.schema, wanted.lower_schema)
        END
    ORDER BY n.nspname = wanted.schema DESC, c.relname = wanted.name DESC
    LIMIT 1
) AS c ON true
LEFT JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN (
    SELECT
        t.oid, t.typtype, n.nspname,
        CASE WHEN t.typelem <> '0' AND t.typlen = -1 THEN t.typelem ELSE t.oid END AS named
    FROM pg_type AS t
    JOIN pg_namespace AS n ON n.oid = t.typnamespace
) AS t ON t.oid = a.atttypid
CROSS JOIN LATERAL (
    SELECT CASE
        WHEN t.typtype = 'd' THEN (
            WITH RECURSIVE base AS (
                SELECT t.oid, t.typtype
                UNION ALL
                SELECT b.oid, b.typtype
                FROM base
                JOIN pg_type AS d ON d.oid = base.oid AND d.typtype = 'd'
                JOIN pg_type AS b ON b.oid = d.typbasetype
            )
            SELECT base.oid FROM base WHERE base.typtype <> 'd'
        )
        ELSE t.oid
    END AS oid
) AS base
LEFT JOIN pg_attrdef AS d ON d.adrelid = c.oid AND d.adnum = a.attnum
ORDER BY wanted.number, a.attnum
