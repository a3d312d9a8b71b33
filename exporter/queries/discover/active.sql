-- Start and last sign of life of the active rows, as many as are looked at, as they are stored.
SELECT
    {columns}
FROM {table} AS s
WHERE {active}
LIMIT {most}::int8
