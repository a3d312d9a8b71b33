-- The active sessions by owner, which may be unknown: how many, and how many show by a heartbeat that the
-- owner lives (a start proves only that sessions can be started). Only active rows have their owner
-- evaluated, and once.
SELECT
    {owner} AS session_exporter_owner,
    pg_catalog.count(*) AS session_exporter_active,
    pg_catalog.count(*) FILTER (WHERE {beating}) AS session_exporter_live
FROM {table} AS s
WHERE {rows}
GROUP BY 1
