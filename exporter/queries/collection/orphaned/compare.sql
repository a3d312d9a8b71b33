-- The active rows beside the list in the settings of the transaction. First how many there are, and how
-- many of them are listed; then those that are not, longest silent first, each with its silence in
-- seconds, for which a time too far in the future is no sign of life; then what is listed and no active row. A full join is by hash or by merge: another join of
-- what has no statistics may compare each with each. An id that is too long is not returned.
WITH {clock}, compared_rows_of_session_exporter AS MATERIALIZED (
    SELECT
        active.is_row,
        active.id,
        active.silence,
        listed.id AS listed_id
    FROM (
        SELECT
            true AS is_row,
            id,
            -{ahead} AS silence
        FROM (
            SELECT
                {id} AS id,
                {times}
            FROM {table} AS s
            WHERE {rows}
            OFFSET 0
        ) AS dated
    ) AS active
    FULL JOIN (
        {listed}
    ) AS listed ON listed.id = active.id
)
SELECT
    'rows',
    NULL,
    pg_catalog.count(*) FILTER (WHERE is_row)::float8,
    pg_catalog.count(*) FILTER (WHERE is_row AND listed_id IS NOT NULL)
FROM compared_rows_of_session_exporter
UNION ALL
(
    SELECT 'unlisted', {shown}, silence, NULL
    FROM compared_rows_of_session_exporter
    WHERE is_row
        AND listed_id IS NULL
        AND silence IS NOT NULL
        AND pg_catalog.octet_length(id) <= {longest}
    ORDER BY silence DESC
    LIMIT {limit}
)
UNION ALL
(
    SELECT 'untracked', {shown_listed}, NULL, NULL
    FROM compared_rows_of_session_exporter
    WHERE is_row IS NULL
        AND pg_catalog.octet_length(listed_id) <= {longest}
    LIMIT {one_more}
)
