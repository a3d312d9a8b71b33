-- Whether two rows as a key can be compared: which types their values have is not known before there are
-- some. A key is evaluated twice, with NULL for each column; no row of the table is read. OFFSET 0
-- keeps the planner from finding that the keys are the same.
SELECT
FROM (
    SELECT ({key}) AS key
    FROM (VALUES ('1'), ('2')) AS pair_of_session_exporter (number_of_session_exporter)
    LEFT JOIN {table} AS s ON false
    OFFSET 0
) AS keyed
GROUP BY key
