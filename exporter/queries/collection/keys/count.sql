-- How many keys have as many active sessions as one may have, and how many of those would have fewer
-- without their orphaned ones: a CTE of the statement that counts the active rows, so that both see the
-- same rows at the same time. A second pass takes less than grouping by cell and by key in one, where
-- PostgreSQL sorts every row. Its name is long so that no table of an expression is hidden by it.
limited_keys_of_session_exporter AS MATERIALIZED (
    SELECT
        pg_catalog.count(*) AS at_limit,
        pg_catalog.count(*) FILTER (WHERE active - orphaned < {max}) AS blocked
    FROM (
        {keys}
    ) AS limited
)
