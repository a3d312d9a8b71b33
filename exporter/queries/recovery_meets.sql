-- What an update of these columns meets besides the rows: one line each with its kind, its name, and
-- the function or table that it is about. The partitions of a table count with it.
WITH met AS (
    SELECT {oid}::oid AS relid
    UNION
    SELECT relid::oid FROM pg_partition_tree({oid}::oid)
),
written AS (
    SELECT a.attrelid, a.attnum
    FROM pg_attribute AS a
    JOIN met ON met.relid = a.attrelid
    WHERE a.attname = ANY ({columns}::text[])
),
published AS (
    SELECT DISTINCT p.pubname
    FROM pg_publication AS p
    JOIN pg_publication_tables AS t ON t.pubname = p.pubname
    JOIN pg_namespace AS n ON n.nspname = t.schemaname
    JOIN pg_class AS c ON c.relnamespace = n.oid AND c.relname = t.tablename
    JOIN met ON met.relid = c.oid
    WHERE p.pubupdate
)
-- 16 is UPDATE in tgtype (src/include/catalog/pg_trigger.h); R fires on replicas alone, D never.
SELECT 'trigger' AS kind, t.tgname::text AS name, t.tgfoid::regproc::text AS about
FROM pg_trigger AS t
JOIN met ON met.relid = t.tgrelid
WHERE NOT t.tgisinternal AND t.tgenabled IN ('O', 'A') AND t.tgtype & 16 <> 0
    AND (
        t.tgattr::text = ''
        OR EXISTS (
            SELECT FROM written AS w WHERE w.attrelid = t.tgrelid AND w.attnum = ANY (t.tgattr)
        )
    )
UNION
SELECT
    CASE WHEN r.is_instead THEN 'instead rule' ELSE 'rule' END,
    r.rulename::text, r.ev_class::regclass::text
FROM pg_rewrite AS r
WHERE r.ev_class = {oid}::oid -- one on a partition is not asked when its parent is updated
    AND r.ev_type = '2' AND r.ev_enabled IN ('O', 'A')
UNION
SELECT 'publication', pubname::text, ''
FROM published
UNION
-- PostgreSQL refuses to update a published row that its subscribers could not find.
SELECT 'no identity', c.oid::regclass::text, ''
FROM pg_class AS c
JOIN met ON met.relid = c.oid
WHERE c.relkind = 'r' AND EXISTS (SELECT FROM published)
    AND (
        c.relreplident = 'n'
        OR c.relreplident = 'd'
            AND NOT EXISTS (SELECT FROM pg_index AS i WHERE i.indrelid = c.oid AND i.indisprimary)
    )
UNION
SELECT
    CASE
        WHEN EXISTS (
            SELECT FROM written AS w WHERE w.attrelid = k.confrelid AND w.attnum = ANY (k.confkey)
        ) THEN 'written key'
        ELSE 'child'
    END,
    k.conname::text, k.conrelid::regclass::text
FROM pg_constraint AS k
WHERE k.contype = 'f' AND k.confrelid = {oid}::oid AND k.conparentid = 0
UNION
SELECT 'parent', k.conname::text, k.confrelid::regclass::text
FROM pg_constraint AS k
WHERE k.contype = 'f' AND k.conrelid = {oid}::oid
    AND EXISTS (
        SELECT FROM written AS w WHERE w.attrelid = k.conrelid AND w.attnum = ANY (k.conkey)
    )
ORDER BY 1, 2, 3
