-- When its silence makes the row orphaned, by its own threshold: an expression. NULL is never.
-- NULL, zero, negative, infinite or longer than 1,000 years is no threshold. Comparing intervals weighs
-- their parts against each other, so each part is held within bounds, and the time to which they are
-- added as well: then no sum is out of PostgreSQL's range, which would fail the statement. Days may be
-- negative beside a month: what adds up to nothing is no threshold either.
-- Beside an interval a domain is one too, for which nobody else can make an operator, and no other type
-- fits, should the column get one.
-- OFFSET 0 keeps the expressions from being evaluated wherever they are used.
(
    SELECT
        CASE
            WHEN b.session_exporter_at > b.session_exporter_seen THEN b.session_exporter_at
        END
    FROM (
        SELECT
            a.session_exporter_seen,
            CASE
                WHEN a.session_exporter_after > interval '0'
                    AND a.session_exporter_after < interval '1000 years'
                    AND pg_catalog.abs(pg_catalog.date_part('year', a.session_exporter_after))
                        <= '1000'::float8
                    AND pg_catalog.abs(pg_catalog.date_part('day', a.session_exporter_after))
                        <= '366000'::float8
                    THEN a.session_exporter_seen + a.session_exporter_after
            END AS session_exporter_at
        FROM (
            SELECT
                CASE
                    WHEN l.session_exporter_seen > {latest} THEN {latest}
                    WHEN l.session_exporter_seen < {earliest} THEN {earliest}
                    ELSE l.session_exporter_seen
                END AS session_exporter_seen,
                l.session_exporter_after
            FROM (
                SELECT
                    {last_seen} AS session_exporter_seen,
                    coalesce(({threshold}), NULL::interval) AS session_exporter_after
                OFFSET 0
            ) AS l
        ) AS a
        OFFSET 0
    ) AS b
)
