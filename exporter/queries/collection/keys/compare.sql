-- Whether two keys that are rows can be compared: the types of their values are only known at run time.
-- A key is evaluated twice, with NULL for each column; no row of the table is read. OFFSET 0 prevents
-- the planner from detecting that both keys are equal.
SELECT
FROM (
    SELECT ({key}) AS key
    FROM (VALUES ('1'), ('2')) AS pair_of_session_exporter (number_of_session_exporter)
    LEFT JOIN {table} AS s ON false
    OFFSET 0
) AS keyed
GROUP BY key
