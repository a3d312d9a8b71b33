-- Every declared expression, evaluated for every active row.
SELECT
    count(*),
    {expressions}
FROM {table} AS s
WHERE {rows}
