-- Types by their oid; of a domain the type below it, and whether it forbids NULL.
SELECT
    t.oid::int8,
    coalesce(b.typname, t.typname)::text,
    coalesce(b.typtype, t.typtype) = 'e',
    t.typnotnull
FROM pg_type AS t
LEFT JOIN pg_type AS b ON b.oid = t.typbasetype
WHERE t.oid = ANY ({oids}::oid[])
