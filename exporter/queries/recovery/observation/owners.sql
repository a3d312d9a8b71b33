-- The active sessions by owner: how many, how many show by a heartbeat that the owner lives (a start
-- proves only that sessions can be started), and how many became orphaned that no person has seen.
SELECT
    {owner} AS session_exporter_owner,
    pg_catalog.count(*) AS session_exporter_active,
    pg_catalog.count(*) FILTER (WHERE {beating}) AS session_exporter_live,
    pg_catalog.count(*) FILTER (
        WHERE {recoverable}
            AND {young}
            AND {last_seen} >= pg_catalog.to_timestamp({judged_since}) - {after}
    ) AS session_exporter_orphaned
FROM {table} AS s
WHERE {rows} AND {owner} IS NOT NULL
GROUP BY {owner}
