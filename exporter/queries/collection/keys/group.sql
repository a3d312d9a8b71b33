-- Whether rows can be grouped by a key: types such as json have no equality. No row is read.
SELECT
FROM (
    SELECT ({key}) AS key
    FROM {table} AS s
) AS keyed
GROUP BY key
LIMIT 0
