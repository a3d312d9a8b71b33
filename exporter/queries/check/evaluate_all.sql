-- Every declared expression, evaluated for every active row.
SELECT
    pg_catalog.count(*),
    {expressions}
FROM {table} AS s
WHERE {rows}
