-- What ANALYZE knows of some columns, without reading the table: the share of NULL, the number of distinct
-- values (negative: as a share of the rows), and of text, numbers and enums the most common values.
SELECT
    c.oid::int8,
    s.attname::text,
    s.null_frac::float8,
    s.n_distinct::float8,
    s.most_common_vals::text::text[],
    s.most_common_freqs::float8[]
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_stats AS s ON s.schemaname = n.nspname AND s.tablename = c.relname
WHERE c.oid = ANY ({oids}::oid[])
    AND s.attname = ANY ({columns}::name[])
    AND s.inherited = (c.relkind = 'p')
