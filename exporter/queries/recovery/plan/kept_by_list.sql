-- The sessions of an owner that a planned stop leaves open because the list still holds them, by id.
SELECT {short_key}
FROM {table} AS s
WHERE {rows}
    AND {listed}
ORDER BY {id}
LIMIT {limit}
