-- The active sessions by owner: how many, and how many show by a heartbeat that the owner lives (a start
-- proves only that sessions can be started).
SELECT
    {owner} AS session_exporter_owner,
    pg_catalog.count(*) AS session_exporter_active,
    pg_catalog.count(*) FILTER (WHERE {beating}) AS session_exporter_live
FROM {table} AS s
WHERE {rows} AND {owner} IS NOT NULL
GROUP BY {owner}
