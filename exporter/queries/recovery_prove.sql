-- Whether a column can become this: PostgreSQL plans the change, and makes none.
EXPLAIN UPDATE {table} AS s
SET {column} = ({value})
FROM {end} AS e
WHERE false
