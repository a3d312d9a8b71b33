-- The owners that have reported lately, by the database's clock; and when, where that is in the future.
WITH {clock}
SELECT DISTINCT
    ({id})::text,
    {ahead}
FROM {table} AS s
WHERE {lives}
LIMIT {most}
