-- Whether a column names a row: a unique index on it alone, or in a partitioned table, where every
-- unique index holds the partition key too, one with it.
SELECT EXISTS (
    SELECT FROM pg_index AS i
    JOIN pg_class AS c ON c.oid = i.indrelid
    JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attname = {column}
    WHERE c.oid = {oid}::oid AND i.indisunique AND i.indisvalid AND i.indpred IS NULL
        AND a.attnum = ANY ((i.indkey::int2[])[0:i.indnkeyatts - 1]) -- without what it only INCLUDEs
        AND (i.indnkeyatts = 1 OR c.relkind = 'p')
)
