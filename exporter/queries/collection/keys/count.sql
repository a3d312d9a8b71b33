-- How many keys are at their limit of active sessions, and how many of those would be below it without
-- their orphaned sessions: a CTE of the statement that counts the active rows, so that both see the
-- same rows at the same time. A second pass takes less time than grouping by cell and key in one, for
-- which PostgreSQL sorts every row. The name is long so that it hides no table of an expression.
limited_keys_of_session_exporter AS MATERIALIZED (
    SELECT
        pg_catalog.count(*) AS at_limit,
        pg_catalog.count(*) FILTER (WHERE active - orphaned < {max}) AS blocked
    FROM (
        {keys}
    ) AS limited
)
