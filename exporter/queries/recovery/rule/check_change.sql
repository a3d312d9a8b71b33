-- Whether a column can become this: PostgreSQL plans the change, and makes none. In WITH, as closing
-- is, because there a table with a rule on UPDATE is refused.
EXPLAIN WITH session_exporter_closed AS (
    UPDATE {table} AS s
    SET {column} = ({value})
    FROM {end} AS e
    WHERE false
    RETURNING 1
)
SELECT FROM session_exporter_closed
LIMIT 0
