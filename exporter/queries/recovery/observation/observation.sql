-- All that one run of recovery decides by, in one snapshot: which server this is, its clock, the active
-- sessions by category and by owner, the sessions that could be closed, and those that became orphaned
-- lately. The orphaned sessions are computed once; only some of them are returned.
WITH session_exporter_orphans AS MATERIALIZED (
    SELECT
        {id} AS session_exporter_id,
        s.xmin AS session_exporter_version,
        {last_seen} AS session_exporter_seen,
        {owner} AS session_exporter_owner
    FROM {table} AS s
    WHERE {recoverable}
        AND {young}
),
session_exporter_left_alone AS MATERIALIZED (
{left_alone}
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
    -- The most that were last seen within half of orphaned_after of each other.
    (SELECT coalesce(pg_catalog.max(w.session_exporter_wave), 0) FROM (
        SELECT pg_catalog.count(*) OVER (
            ORDER BY o.session_exporter_seen RANGE BETWEEN {half} PRECEDING AND CURRENT ROW
        ) AS session_exporter_wave
        FROM session_exporter_orphans AS o
        WHERE o.session_exporter_seen >= {wave_since} - {after}
    ) AS w),
    (SELECT pg_catalog.count(*) FROM session_exporter_orphans AS o
        WHERE o.session_exporter_seen < pg_catalog.to_timestamp({stopped_at}) AND {closable}),
    (SELECT pg_catalog.count(*) FROM session_exporter_orphans AS o WHERE NOT ({closable})),
    (SELECT coalesce(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_array(
            c.session_exporter_id::text, c.session_exporter_version::text,
            extract(epoch FROM c.session_exporter_seen)::float8, c.session_exporter_owner
        ) ORDER BY c.session_exporter_seen, c.session_exporter_id::text), '[]')
        FROM (
            SELECT * FROM session_exporter_orphans AS o
            WHERE {closable}
            ORDER BY o.session_exporter_seen
            LIMIT {most}
        ) AS c),
    (SELECT coalesce(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_array(
            r.session_exporter_id::text,
            extract(epoch FROM r.session_exporter_seen + {after})::float8
        )), '[]')
        FROM (
            SELECT * FROM session_exporter_orphans AS o
            ORDER BY o.session_exporter_seen DESC
            LIMIT {most_watched}
        ) AS r),
    (SELECT coalesce(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_array(
            w.session_exporter_owner, w.session_exporter_active, w.session_exporter_live,
            w.session_exporter_orphaned
        )), '[]')
        FROM session_exporter_owners AS w)
