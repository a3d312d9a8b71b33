-- The owners that have reported lately, by the database's clock.
WITH {clock}
SELECT DISTINCT ({id})::text
FROM {table} AS s
WHERE {lives}
LIMIT {most}
