-- The owners that have reported lately, by the database's clock, and some that are asked for; when they
-- reported, where that is in the future or not lately.
WITH {clock}
SELECT DISTINCT
    {owner},
    {reported}
FROM {table} AS s
WHERE {wanted}
LIMIT {most}
