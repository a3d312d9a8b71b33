-- What an update of these columns affects besides the rows: one line each with its kind, its name, and
-- the function or table concerned. The partitions of a table and the tables that inherit from it are
-- included.
WITH RECURSIVE met AS (
    SELECT {oid}::oid AS relid
    UNION
    SELECT i.inhrelid
    FROM pg_inherits AS i
    JOIN met ON met.relid = i.inhparent
),
written AS (
    SELECT a.attrelid, a.attnum
    FROM pg_attribute AS a
    JOIN met ON met.relid = a.attrelid
    WHERE a.attname = ANY ({columns}::text[])
),
-- A row whose partition key is written may move to another partition: for its triggers it is deleted
-- in one and inserted into the other. The columns of a key that is an expression are not known.
moved AS (
    SELECT FROM pg_partitioned_table AS p
    JOIN met ON met.relid = p.partrelid
    WHERE p.partexprs IS NOT NULL OR EXISTS (
        SELECT FROM written AS w
        WHERE w.attrelid = p.partrelid AND w.attnum = ANY (p.partattrs::int2[])
    )
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
-- In tgtype 1 is FOR EACH ROW, 4 INSERT, 8 DELETE and 16 UPDATE (src/include/catalog/pg_trigger.h); R
-- fires on replicas only, D never. FOR EACH STATEMENT fires only for the table that is named.
SELECT 'trigger' AS kind, t.tgname::text AS name, t.tgfoid::regproc::text AS about
FROM pg_trigger AS t
JOIN met ON met.relid = t.tgrelid
WHERE NOT t.tgisinternal AND t.tgenabled IN ('O', 'A') AND t.tgtype::int & 16 <> 0
    AND (t.tgtype::int & 1 <> 0 OR t.tgrelid = {oid}::oid)
    AND (
        t.tgattr::text = ''
        OR EXISTS (
            SELECT FROM written AS w WHERE w.attrelid = t.tgrelid AND w.attnum = ANY (t.tgattr)
        )
    )
UNION
SELECT 'moving trigger', t.tgname::text, t.tgfoid::regproc::text
FROM pg_trigger AS t
JOIN met ON met.relid = t.tgrelid
WHERE NOT t.tgisinternal AND t.tgenabled IN ('O', 'A') AND t.tgtype::int & 1 <> 0
    AND t.tgtype::int & (4 | 8) <> 0
    AND EXISTS (SELECT FROM moved)
UNION
SELECT
    CASE WHEN r.is_instead THEN 'instead rule' ELSE 'rule' END,
    r.rulename::text, r.ev_class::regclass::text
FROM pg_rewrite AS r
WHERE r.ev_class = {oid}::oid -- a rule on a partition does not apply to its parent
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
WHERE k.contype = 'f' AND k.confrelid = {oid}::oid AND k.conparentid = '0'
UNION
SELECT 'parent', k.conname::text, k.confrelid::regclass::text
FROM pg_constraint AS k
WHERE k.contype = 'f' AND k.conrelid = {oid}::oid
    AND EXISTS (
        SELECT FROM written AS w WHERE w.attrelid = k.conrelid AND w.attnum = ANY (k.conkey)
    )
ORDER BY 1, 2, 3
