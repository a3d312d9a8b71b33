-- Whether columns name a row: a unique index on them or on some of them, or in a partitioned table,
-- where every unique index holds the partition key too, one that has them all. And the columns of a
-- unique index that an id could be, of those that have any of some columns: NULL where none has. Last,
-- whether other tables, partitions or children, hold rows of it: no unique index is on all of these.
WITH session_exporter_keys AS MATERIALIZED (
    SELECT
        i.indisprimary AS is_primary,
        -- Without what it only INCLUDEs; NULL for an expression.
        ARRAY(
            SELECT a.attname::text
            FROM pg_catalog.unnest((i.indkey::int2[])[0:i.indnkeyatts - 1])
                WITH ORDINALITY AS k (attnum, number)
            LEFT JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
            ORDER BY k.number
        ) AS names
    FROM pg_index AS i
    WHERE i.indrelid = {oid}::oid AND i.indisunique AND i.indisvalid AND i.indpred IS NULL
)
SELECT
    EXISTS (
        SELECT FROM session_exporter_keys AS k
        WHERE k.names OPERATOR(pg_catalog.<@) {names}::text[]
            OR ({is_partitioned} AND k.names OPERATOR(pg_catalog.@>) {names}::text[])
    ),
    (
        SELECT k.names FROM session_exporter_keys AS k
        WHERE k.names OPERATOR(pg_catalog.&&) {mentioned}::text[]
            AND pg_catalog.array_position(k.names, NULL) IS NULL
        ORDER BY k.names OPERATOR(pg_catalog.@>) {mentioned}::text[] DESC, k.is_primary DESC, k.names
        LIMIT 1
    ),
    (SELECT c.relhassubclass FROM pg_class AS c WHERE c.oid = {oid}::oid)
