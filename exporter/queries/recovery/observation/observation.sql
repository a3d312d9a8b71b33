-- All values by which one run of recovery decides, in one snapshot: the server, its clock, the active
-- sessions by category and by owner, the sessions that could be closed, and those that became orphaned
-- recently. The orphaned sessions are computed once; only some of them are returned.
WITH session_exporter_orphans AS MATERIALIZED (
    SELECT
        {key} AS session_exporter_id,
        s.xmin AS session_exporter_version,
        {last_seen} AS session_exporter_seen,
        {owner} AS session_exporter_owner,
        {cause} AS session_exporter_cause{own}
    FROM {table} AS s
    WHERE {recoverable}
        AND {not_backlog}
),
session_exporter_left_alone AS MATERIALIZED (
{left_alone}
),
session_exporter_closable AS MATERIALIZED (
    SELECT * FROM session_exporter_orphans AS o
    WHERE {closable}
),
session_exporter_categories AS (
{counts}
),
session_exporter_owners AS (
{owners}
)
SELECT
    extract(epoch FROM pg_catalog.now())::float8,
    {server},
    (SELECT pg_catalog.jsonb_object_agg(c.session_exporter_category, c.session_exporter_count)
        FROM session_exporter_categories AS c),
    (SELECT coalesce(pg_catalog.sum(c.session_exporter_beating), 0)::bigint
        FROM session_exporter_categories AS c),
    (SELECT pg_catalog.count(*) FROM session_exporter_closable AS c
        WHERE c.session_exporter_seen < pg_catalog.to_timestamp({stopped_at})),
    (SELECT pg_catalog.count(*) FROM session_exporter_orphans)
        - (SELECT pg_catalog.count(*) FROM session_exporter_closable),
    (SELECT pg_catalog.count(*) FROM session_exporter_closable AS c
        WHERE c.session_exporter_id <> ALL ({set_aside}::text[])),
    (SELECT coalesce(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_array(
            c.session_exporter_id, c.session_exporter_version::text,
            extract(epoch FROM {orphaned_at})::float8, c.session_exporter_owner,
            c.session_exporter_cause
        ) ORDER BY c.session_exporter_seen, c.session_exporter_id), '[]')
        FROM (
            SELECT * FROM session_exporter_closable AS c
            WHERE c.session_exporter_id <> ALL ({set_aside}::text[])
            -- What is proved lost waits for nothing: no number of others may keep it out.
            ORDER BY
                c.session_exporter_id = ANY ({last}::text[]),
                c.session_exporter_cause IN ('ownerless', 'ghost') DESC NULLS LAST,
                c.session_exporter_seen
            LIMIT {most}
        ) AS c),
    (SELECT coalesce(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_array(
            r.session_exporter_id,
            extract(epoch FROM {orphaned_at})::float8,
            r.session_exporter_owner,
            {closed_at},
            r.session_exporter_cause{own_seconds}
        )), '[]')
        FROM (
            SELECT * FROM session_exporter_closable AS c
            ORDER BY c.session_exporter_seen DESC
            LIMIT {most_watched}
        ) AS r),
    (SELECT coalesce(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_array(
            w.session_exporter_owner,
            w.session_exporter_active
                - coalesce(o.session_exporter_count, 0) + coalesce(c.session_exporter_count, 0),
            w.session_exporter_live
        )), '[]')
        FROM session_exporter_owners AS w
        -- Without what is left alone: it shows no life, and nothing is to be done about it.
        LEFT JOIN (
            SELECT session_exporter_owner, pg_catalog.count(*) AS session_exporter_count
            FROM session_exporter_orphans GROUP BY session_exporter_owner
        ) AS o ON o.session_exporter_owner = w.session_exporter_owner
        LEFT JOIN (
            SELECT session_exporter_owner, pg_catalog.count(*) AS session_exporter_count
            FROM session_exporter_closable GROUP BY session_exporter_owner
        ) AS c ON c.session_exporter_owner = w.session_exporter_owner
        WHERE w.session_exporter_owner IS NOT NULL),
    -- Of those that may still be part of a wave.
    (SELECT pg_catalog.max(c.session_exporter_longest) FROM session_exporter_categories AS c
        WHERE c.session_exporter_category <> 'backlog')
